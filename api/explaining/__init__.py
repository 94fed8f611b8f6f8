"""Why a request goes where it goes: answered from the pool as it is stored, and from what is published for it. Pure.

Routing follows the same definition of rules that HAProxy's configuration is held against in tests.
"""

from api.explaining.explanation import Known, explanation
from api.explaining.question import BadQuestion, Question, read_question

__all__ = ["BadQuestion", "Known", "Question", "explanation", "read_question"]
