"""A check that takes for ever to import, as frameworks do on a busy machine."""

import os
import signal
from pathlib import Path

place = Path(os.environ["PLACE"])
(place / "pid").write_text(str(os.getpid()))
with (place / "fifo").open("w") as told:
    told.write("begun")
while True:
    signal.pause()
