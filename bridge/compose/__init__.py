"""MATCH and RENDER: template files -> the text of messages. Only the folder reads files; the rest is pure."""

from bridge.compose.folder import TemplateFolder, default_folder, shipped_folder
from bridge.compose.matching import Matched, match
from bridge.compose.rendering import Rendered, render
from bridge.compose.template import Template, read_template

__all__ = [
    "Matched",
    "Rendered",
    "Template",
    "TemplateFolder",
    "default_folder",
    "match",
    "read_template",
    "render",
    "shipped_folder",
]
