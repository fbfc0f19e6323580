"""Live tools in LangGraph's and LangChain's own graphs: the same calls for nodes, middleware and single tools."""
