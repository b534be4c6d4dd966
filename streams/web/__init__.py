"""The operators' page: a downstream consumer of the output topics like any other, which writes nothing."""
