from cocozvec.zvec.extension.qwen_function import *
