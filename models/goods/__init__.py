"""Goods in a yard and ships at a berth, at 1.2 m or finer: area, height from shadow, volume, length."""
