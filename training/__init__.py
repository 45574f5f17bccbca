"""How the shipped encoder is made: data first, then the network. Not installed with the product."""
