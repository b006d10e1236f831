"""What was seen: scenes, pixels with their masks, places and times. Nothing here knows what a wagon is."""
