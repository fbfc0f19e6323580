"""toolcrib: a production runtime for the tools, prompts, agents and graphs of LangGraph applications."""
