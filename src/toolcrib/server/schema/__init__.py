"""The shapes of requests and answers, and what OpenAPI tells of them."""
