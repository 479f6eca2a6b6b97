"""`python -m config.embedded` is what `make run` starts."""

import sys

from config.embedded.supervisor import main

sys.exit(main())
