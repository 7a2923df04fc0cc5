"""The bridge: signed helpdesk and shop webhooks in, Attentive text messages out.

The path of a message, and the file of each stage (read `bridge/pipeline.py` first):

    web      receive -> verify -> store ------------------------------> 200
    worker                          parse -> match -> look up -> compose -> outbox -> deliver -> retry | done

    receive, verify, parse   bridge/web/hooks.py, bridge/sources/<platform>.py, bridge/signing.py
    asked by a program       bridge/web/messages_api/, bridge/requested.py, drafted in bridge/fulfilling.py
    store, claim, outbox     bridge/store/inbox.py and processing.py, outbox.py and sending.py
    look up                  bridge/platforms/<platform>.py
    match, compose           bridge/compose/, put together in bridge/drafting.py
    hold back                bridge/policy/, by what is there already in bridge/holding_back.py
    deliver, retry           bridge/attentive/, recorded by bridge/concluding.py
    try, without sending     bridge/trying/
"""
