"""LangGraph's control flow, which crosses a chain untouched."""


def is_bubble_up(error: BaseException) -> bool:
    """Whether `error` is a `GraphBubbleUp` (an interrupt, a parent's command), which is no failure.

    It is known by the name of its class, because this room does not know LangGraph:
    https://docs.langchain.com/oss/python/langgraph.
    """
    return any(kind.__name__ == "GraphBubbleUp" for kind in type(error).__mro__)
