from cocozvec.zvec.extension.openai_function import *
