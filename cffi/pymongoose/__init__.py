from ._mongoose import *
