"""What the soak is made of: a shop, the product's processes, troubles for them, a witness and a reckoning."""
