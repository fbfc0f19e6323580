"""The wing of the call: the executor and the policy chain of each tool."""
