"""What was measured, arranged as people read it: a document, and the page of report.html."""
