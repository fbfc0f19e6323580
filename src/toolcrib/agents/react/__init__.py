"""The ReAct agent: tools for models that cannot call tools, asked for and told of in plain text."""
