# SPDX-License-Identifier: LGPL-2.1-or-later
"""How a sentence looks in a cell of the table."""
import re


def cell(text):
    """Without links, which lead elsewhere from docs/, and with nothing that ends a cell."""
    text = re.sub(r"\[\^\d\]", "", text)
    text = re.sub(r"\[((?:[^\[\]]|\[\])*)\](\([^)]*\)|\[[^\]]*\])", r"\1", text)
    return text.strip("| >").replace("|", "\\|")
