"""Adds users to the sam.ldb of the smb.conf given, without pause, each in a transaction of
its own; prints each number once it is added. For the Python that has Samba's modules."""

import itertools
import sys

from samba.auth import system_session
from samba.param import LoadParm
from samba.samdb import SamDB

lp = LoadParm(filename_for_non_global_lp=sys.argv[1])
samdb = SamDB(url=lp.private_path("sam.ldb"), session_info=system_session(), lp=lp)
for n in itertools.count(int(sys.argv[2])):
    samdb.newuser(f"user{n:05}", None, setpassword=False, description=f"number {n}")
    print(n, flush=True)
