"""Over the network: requests, retries, secrets, windows copied and landed."""
