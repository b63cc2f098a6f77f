"""The daily report on paper: words in three languages, tables, a chart, and a font for them all."""
