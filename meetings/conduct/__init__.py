"""The conference: seats, floor, mutes, chat and the event log; tokens and calls to the relay."""
