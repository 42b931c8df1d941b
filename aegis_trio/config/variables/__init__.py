"""The variables, one room per area; `config/table.py` puts them in one order."""
