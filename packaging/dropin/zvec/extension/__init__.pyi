from cocozvec.zvec.extension import *

from . import bm25_embedding_function as bm25_embedding_function
from . import embedding_function as embedding_function
from . import http_embedding_function as http_embedding_function
from . import jina_embedding_function as jina_embedding_function
from . import jina_function as jina_function
from . import multi_vector_reranker as multi_vector_reranker
from . import openai_embedding_function as openai_embedding_function
from . import openai_function as openai_function
from . import qwen_embedding_function as qwen_embedding_function
from . import qwen_function as qwen_function
from . import qwen_rerank_function as qwen_rerank_function
from . import rerank_function as rerank_function
from . import sentence_transformer_embedding_function as sentence_transformer_embedding_function
from . import sentence_transformer_function as sentence_transformer_function
from . import sentence_transformer_rerank_function as sentence_transformer_rerank_function
