"""A carrier to practise on: speaks Kuaidi100's protocol, checks every signature, and its parcels travel.

For tests and demonstrations. Its control calls under /_control are open to whoever reaches the port, so it
belongs on the loopback.
"""
