"""The LangGraph side: agents as graphs, tools as nodes, models."""
