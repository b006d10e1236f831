"""What the stored numbers mean: reflectance by provider, collection and processing."""
