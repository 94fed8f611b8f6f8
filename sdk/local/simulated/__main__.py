"""`python -m sdk.local.simulated`."""

import sys

from sdk.local.simulated.process import main

sys.exit(main())
