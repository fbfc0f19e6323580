"""Turning what authors write into tools: decorated functions and LangChain tools."""
