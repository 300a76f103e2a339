"""The test bench of guards: labelled texts, runs over them, and how good a guard is."""
