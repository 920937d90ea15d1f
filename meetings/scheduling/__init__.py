"""What is planned: meetings, their points and people, agenda and papers, the week, invitations and answers."""
