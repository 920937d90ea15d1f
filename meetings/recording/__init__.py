"""Recording a conference, composing and reviewing it, and the minutes made from it."""
