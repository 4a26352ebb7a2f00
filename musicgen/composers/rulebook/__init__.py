"""A rule book of part-writing: harmony by function, a search over voicings, passing notes; `composers.rules` puts them together."""
