"""Rerankers, and the protocols of embedding functions."""

from .bm25_embedding_function import BM25EmbeddingFunction
from .embedding_function import DenseEmbeddingFunction, SparseEmbeddingFunction
from .http_embedding_function import HTTPDenseEmbedding
from .jina_embedding_function import JinaDenseEmbedding
from .jina_function import JinaFunctionBase
from .multi_vector_reranker import CallbackReRanker, RrfReRanker, WeightedReRanker
from .openai_embedding_function import OpenAIDenseEmbedding
from .openai_function import OpenAIFunctionBase
from .qwen_embedding_function import QwenDenseEmbedding, QwenSparseEmbedding
from .qwen_function import QwenFunctionBase
from .qwen_rerank_function import QwenReRanker
from .rerank_function import ReRanker, RerankFunction
from .sentence_transformer_embedding_function import DefaultLocalDenseEmbedding, DefaultLocalSparseEmbedding
from .sentence_transformer_function import SentenceTransformerFunctionBase
from .sentence_transformer_rerank_function import DefaultLocalReRanker

__all__ = [
    "BM25EmbeddingFunction",
    "CallbackReRanker",
    "DefaultLocalDenseEmbedding",
    "DefaultLocalReRanker",
    "DefaultLocalSparseEmbedding",
    "DenseEmbeddingFunction",
    "HTTPDenseEmbedding",
    "JinaDenseEmbedding",
    "JinaFunctionBase",
    "OpenAIDenseEmbedding",
    "OpenAIFunctionBase",
    "QwenDenseEmbedding",
    "QwenFunctionBase",
    "QwenReRanker",
    "QwenSparseEmbedding",
    "ReRanker",
    "RerankFunction",
    "RrfReRanker",
    "SentenceTransformerFunctionBase",
    "SparseEmbeddingFunction",
    "WeightedReRanker",
]
