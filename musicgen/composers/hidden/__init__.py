"""Hidden chains: what an HMM of chorales counts, and how it harmonizes and ornaments with that; `composers.hmm` puts them together."""
