"""The chat machine of Xiaomazha: from what somebody said to what everybody is told."""
