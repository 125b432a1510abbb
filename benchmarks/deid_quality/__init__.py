"""How private and how useful a de-identifier's output is, by an answer key that it has not seen."""
