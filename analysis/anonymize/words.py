"""What is known to be public: the vocabulary of PyTorch, its profiler, and the runtimes.

These lists allow. What is in none of them is taken for somebody's own and replaced.
"""

from __future__ import annotations

import re

PHASES = frozenset("XMsftiIBECbenNODPRScv")
SCOPES = frozenset({"t", "p", "g", "e"})
NAMES_OF_METADATA = frozenset(
    {
        "process_name",
        "process_labels",
        "process_sort_index",
        "thread_name",
        "thread_sort_index",
    }
)
CATEGORIES = frozenset(
    {
        "ac2g",
        "async_cpu_to_gpu",
        "async_gpu",
        "concurrent_kernel",
        "cpu_instant_event",
        "cpu_op",
        "cuda_driver",
        "cuda_profiler_range",
        "cuda_runtime",
        "cuda_sync",
        "dequeue",
        "enqueue",
        "fwdbwd",
        "glow_runtime",
        "gpu_memcpy",
        "gpu_memset",
        "gpu_user_annotation",
        "hpu_op",
        "Kernel",
        "kernel",
        "Memcpy",
        "Memset",
        "mtia_ccp_events",
        "mtia_runtime",
        "mtia_workloadd",
        "Operator",
        "overhead",
        "privateuse1_driver",
        "privateuse1_runtime",
        "python_function",
        "Runtime",
        "Trace",
        "user_annotation",
        "xpu_driver",
        "xpu_op",
        "xpu_runtime",
    }
)
OTHER_NAMES = frozenset(
    {
        "[memory]",
        "[OutOfMemory]",
        "ac2g",
        "Activity Buffer Request",
        "async_cpu_to_gpu",
        "async_gpu",
        "Context Sync",
        "CUPTI",
        "Event Sync",
        "fwdbwd",
        "Instrumentation",
        "Iteration Start: PyTorch Profiler",
        "Lazy Function Loading",
        "Marker",
        "PyTorch Profiler",
        "Record Window End",
        "Resource",
        "Stream Sync",
        "Stream Wait Event",
    }
)
PROFILER_ITSELF = re.compile(r"PyTorch Profiler \(\d+\)")
LANES = frozenset(
    {
        "CPU functions",
        "CUDA functions",
        "PyTorch Profiler",
        "Spans",
        "Trace PyTorch Profiler",
        "Traces",
    }
)
LANE = re.compile(r"(stream|thread) \d+")
LABEL = re.compile(r"CPU|GPU \d+|XPU \d+|MTIA \d+|HPU \d+|unknown")
NUMBER = re.compile(r"[+-]?\d+(\.\d+)?(e[+-]?\d+)?|0x[0-9a-fA-F]+", re.ASCII)
NUMBERS = re.compile(r"\[[\d\s,.+-]*\]", re.ASCII)
VERSION = re.compile(r"\d+(\.\d+){0,3}", re.ASCII)
EXTENTS = re.compile(r"(grid|block)\(\d+, ?\d+, ?\d+\)|\d+(,\d+)*", re.ASCII)
INTERPRETER = re.compile(
    r"python(\d(\.\d+)?)?|PTThreadPool|pt_main_thread|pt_autograd_\d+", re.ASCII
)
"""Names that the interpreter, or torch, gives to processes and threads."""
THREAD_NAME = re.compile(r"((?:stream|thread) \d+)\b ?")

RUNTIME_CALL = re.compile(r"(cuda|hip|cu|mtia|musa|mu|xpu|ze|ur|acl)[A-Z]\w*", re.ASCII)
_MEMORY = "(Pageable|Pinned|Device|Host|Array|Managed|Unknown)"
COPY = re.compile(
    rf"Memcpy (HtoD|DtoH|DtoD|HtoH|PtoP|HtoA|AtoH|AtoA|AtoD|DtoA)( \({_MEMORY} -> {_MEMORY}\))?"
    r"|Copy(Host|Device)To(Host|Device)"
)
FILL = re.compile(rf"Memset( \({_MEMORY}\))?|FillBuffer")

OPERATOR = re.compile(
    r"(aten|c10d|_c10d_functional|c10d_functional|cuda|cudnn|fbgemm|higher_order|inductor"
    r"|mkldnn|prim|prims|quantized|rngprims|symm_mem|xla)"
    r"::\w+(\.\w+)?",
    re.ASCII,
)
AUTOGRAD = "autograd::engine::evaluate_function: "
NODE = re.compile(r"[A-Z]\w*Backward\d+", re.ASCII)
"""torch numbers its own; a Python class gives its name and `Backward` alone."""
OPERATORS = frozenset(
    {
        "AccumulateGrad",
        "AOTDispatcher Runtime Wrapper Prologue",
        "CompiledFunction",
        "CompiledFunctionBackward",
        "CopyBackwards",
        "CopySlices",
        "detach",
        "Error",
        "forward",
        "GraphRoot",
        "NotImplemented",
        "Pregraph bytecode",
        "profiler::_record_function_enter",
        "profiler::_record_function_enter_new",
        "profiler::_record_function_exit",
        "record_param_comms",
        "torch.distributed.ddp.reducer::copy_bucket_to_grad",
        "torch::autograd::AccumulateGrad",
        "torch::autograd::CopyBackwards",
        "torch::autograd::CopySlices",
        "torch::autograd::GraphRoot",
        "torch::distributed::reducer::mul_out",
        "TorchDynamo Cache Lookup",
        "UndefinedGrad",
    }
)
COMPILED_REGION = re.compile(r"Torch-Compiled Region(: \d+/\d+(_\d+)?)?", re.ASCII)
COMPILED_CALL = re.compile(r"## Call CompiledFxGraph (\w+) ##", re.ASCII)
ANNOTATIONS = frozenset(
    {
        "DataParallel.forward",
        "DistributedDataParallel.forward",
        "FullyShardedDataParallel.forward",
    }
)
_OPTIMIZERS = (
    "Adadelta|Adafactor|Adagrad|Adam|AdamW|Adamax|ASGD|LBFGS|NAdam|RAdam|RMSprop|Rprop|SGD"
)
OPTIMIZER = re.compile(rf"Optimizer\.(step|zero_grad)#({_OPTIMIZERS}|SparseAdam)\.\1")
_COLLECTIVES = (
    "all_gather|_all_gather_base|_allgather_base|allgather|all_gather_into_tensor"
    "|all_gather_into_tensor_coalesced|allgather_coalesced|allgather_into_tensor_coalesced"
    "|all_reduce|all_reduce_barrier|all_reduce_sparse|allreduce|allreduce_coalesced"
    "|all_to_all|all_to_allv|alltoall|alltoall_base|all_to_all_single|barrier|broadcast"
    "|_broadcast_oop|coalesced|gather|init|recv|recvAnysource|reduce|_reduce_oop"
    "|reduce_scatter|_reduce_scatter_base|reduce_scatter_tensor|reduce_scatter_tensor_coalesced"
    "|scatter|send|monitored_barrier|wait"
)
COLLECTIVE = re.compile(rf"({_COLLECTIVES})", re.ASCII)
HOST_COLLECTIVE = re.compile(rf"(nccl|gloo|mpi|ucc):({_COLLECTIVES})( \d+(->|<-)\d+)?", re.ASCII)
_BACKEND = r"((cpu|cuda|hip|xpu):)?(nccl|gloo|mpi|ucc)"
BACKENDS = re.compile(rf"{_BACKEND}(,{_BACKEND})*")
GROUPS = frozenset({"default_pg", "undefined", ""})
_NCCL_TYPE = r"(i|u)?(int)?(8|32|64)|f(16|32|64)|bf16|half|float|double|f8e4m3|f8e5m2"
NCCL_KERNEL = re.compile(
    r"(nccl|rccl)(Dev|Sym)?_?(Dev)?Kernel_?(Generic(_\d+)?|AllGather|AllReduce|Broadcast|Reduce"
    r"|ReduceScatter|SendRecv|AllToAllPivot)"
    r"(_(Sum|Prod|Min|Max|MinMax|Avg|PreMulSum|SumPostDiv|copy)"
    rf"|_({_NCCL_TYPE}|u?int(8|32|64)_t)"
    r"|_(RING|TREE|COLLNET(_DIRECT|_CHAIN)?|NVLS(_TREE)?|PAT)|_(LL128|LL|SIMPLE))*"
    r"(\(ncclDevKernelArgsStorage<\d+ul>\)|\(ncclDevComm\*, unsigned long, ncclWork\*\))?",
    re.ASCII | re.IGNORECASE,
)
COMMUNICATION = (
    "cross_device_reduce",
    "custom_all_reduce",
    "one_shot_all_reduce",
    "two_shot_all_reduce",
    "quick_reduce",
    "quickreduce",
    "multimem_all",
    "nvshmem",
    "rccl",
    "nccl",
)
KINDS = (
    "reduce_scatter",
    "all_reduce",
    "all_gather",
    "all_to_all",
    "barrier",
    "send_recv",
    "broadcast",
)
KERNEL = re.compile(
    r"(?:void )?(at::native::(?:vectorized_elementwise_kernel|unrolled_elementwise_kernel"
    r"|elementwise_kernel|elementwise_kernel_manual_unroll|index_elementwise_kernel|reduce_kernel"
    r"|vectorized_gather_kernel|CatArrayBatchedCopy|cunn_SoftMaxForward|cunn_SoftMaxBackward"
    r"|indexSelectLargeIndex|indexSelectSmallIndex|multi_tensor_apply_kernel|im2col_kernel"
    r"|fused_dropout_kernel)|cutlass::Kernel2?|cub::Device(?:Radix|Segmented|Merge)SortKernel"
    r"|cub::Device(?:Reduce|Scan|Select)Kernel)(?=[<(]|$)",
    re.ASCII,
)
GEMM = re.compile(
    r"(?:void )?((?:volta|turing|ampere|maxwell)_(?:fp16_|bf16_)?[sdhi]?\d*gemm"
    r"(?:_(?:fp16|bf16|int8|fp32))?_\d+x\d+(?:_(?:nn|nt|tn|tt))?)(?=_|$)",
    re.ASCII,
)
SCALAR = re.compile(
    r"|True|False|None|-?(inf|nan)|[+-]?\d+(\.\d*)?(e[+-]?\d+)?|\[[\d\s,.+eE-]*\]"
    r"|\[((True|False|None)(, )?)*\]",
    re.ASCII,
)
TYPE = re.compile(
    r"|(long |short |unsigned |signed )?(int|char|short|long|float|double|bool)"
    r"|c10::(Half|BFloat16|Float8_e(4m3fn|5m2|4m3fnuz|5m2fnuz|8m0fnu)|complex<(float|double|c10::Half)>|q(u?int8|int32))"
    r"|Scalar(List)?|TensorList|GenericList|Optional(Tensor)?List|None|Device|Generator|Storage"
    r"|Float|Half|BFloat16|Double|Int|Long|Byte|Char|Short|Bool|Float8_e(4m3fn|5m2|4m3fnuz|5m2fnuz|8m0fnu)"
    r"|Complex(Half|Float|Double)|U?Int(8|16|32|64)",
    re.ASCII,
)
MODEL_SIZE = re.compile(r"\d+ ?GB|\d{4}", re.ASCII)
SYNCS = frozenset({"Stream Wait Event", "Stream Sync", "Context Sync", "Event Sync", "Unknown"})
KIND_OF_WORK = frozenset(
    {"Dispatch Kernel", "Dispatch Task", "HtoD", "DtoH", "DtoD", "HtoH", "PtoP", "Barrier"}
)
