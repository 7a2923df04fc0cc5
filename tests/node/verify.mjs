// Reads one request a line ({sdk, secret, url, headers, body} as JSON, body in base64) and answers true or false a line:
// whether the platform's own SDK takes it for its platform's.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(import.meta.url);
require("@shopify/shopify-api/adapters/node");
const { shopifyApi } = require("@shopify/shopify-api");
const { WebhooksHelper } = require("square");
const EasyPost = require("@easypost/api");
const Stripe = require("stripe");
const { Webhook: StandardWebhook } = require("standardwebhooks");
const { Webhook: SvixWebhook } = require("svix");

const passes = (check) => {
  try {
    check();
    return true;
  } catch {
    return false;
  }
};

const SDKS = {
  shopify: async ({ secret, headers, text }) => {
    const shopify = shopifyApi({
      apiKey: "key", apiSecretKey: secret, apiVersion: "2026-07", hostName: "bridge.example", isEmbeddedApp: false,
      logger: { log: () => {} },
    });
    const rawRequest = { method: "POST", url: "/hooks/shopify", headers };
    return (await shopify.webhooks.validate({ rawBody: text, rawRequest, rawResponse: {} })).valid;
  },
  square: ({ secret, headers, text, url }) =>
    WebhooksHelper.verifySignature({
      requestBody: text, signatureHeader: headers["x-square-hmacsha256-signature"], signatureKey: secret,
      notificationUrl: url,
    }),
  easypost: ({ secret, headers, body }) =>
    passes(() => new (EasyPost.default ?? EasyPost)("key").Utils.validateWebhook(body, headers, secret)),
  stripe: ({ secret, headers, text }) =>
    passes(() => new (Stripe.default ?? Stripe)("key").webhooks.constructEvent(text, headers["stripe-signature"], secret)),
  standardwebhooks: ({ secret, headers, text }) => passes(() => new StandardWebhook(secret).verify(text, headers)),
  svix: ({ secret, headers, text }) => passes(() => new SvixWebhook(secret).verify(text, headers)),
};

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  const body = Buffer.from(request.body, "base64");
  console.log(Boolean(await SDKS[request.sdk]({ ...request, body, text: body.toString("utf8") })));
}
