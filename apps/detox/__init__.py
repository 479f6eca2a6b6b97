"""Level of care, referral to a detox unit, a stay in one, discharge, and the year after."""
