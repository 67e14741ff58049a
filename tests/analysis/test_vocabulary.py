"""The names that real traces hold, and names that must not be taken for them."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from analysis import vocabulary
from analysis.columns import Role
from analysis.fleet import kinds
from analysis.vocabulary import WorkClass

SYNCHRONISES = [
    "cudaDeviceSynchronize",
    "cudaStreamSynchronize",
    "cudaEventSynchronize",
    "hipDeviceSynchronize",
    "hipStreamSynchronize",
    "hipEventSynchronize",
    "cuCtxSynchronize",
    "cuStreamSynchronize",
    "cuEventSynchronize",
    "cudaStreamSynchronize_ptsz",
    "cuStreamSynchronize_ptsz",
    "cuCtxSynchronize_v2",
    "hipStreamSynchronize_spt",
    "musaDeviceSynchronize",
    "musaStreamSynchronize",
    "musaEventSynchronize",
    "muCtxSynchronize",
    "muStreamSynchronize",
    "zeEventHostSynchronize",
    "zeFenceHostSynchronize",
    "zeCommandListHostSynchronize",
    "zeCommandQueueSynchronize",
    "urEventWait",
    "urQueueFinish",
]
BLOCKING_COPIES = [
    "cudaMemcpy",
    "cudaMemcpy_ptds",
    "cudaMemcpy2D",
    "cudaMemcpyPeer",
    "cudaMemcpyToSymbol",
    "hipMemcpy",
    "hipMemcpyWithStream",
    "hipMemcpyDtoH",
    "cuMemcpyHtoD_v2",
    "cuMemcpyHtoD_v2_ptds",
    "cuMemcpy3D",
]
BLOCKING_SETS = ["cudaMemset", "cudaMemset2D", "hipMemset", "hipMemsetD8", "cuMemsetD8_v2"]
FREES = ["cudaFree", "hipFree"]
LAUNCH_KERNEL = [
    "cudaLaunchKernel",
    "cudaLaunchKernelExC",
    "cudaLaunchKernel_ptsz",
    "cuLaunchKernel",
    "cuLaunchKernelEx",
    "cudaLaunchCooperativeKernel",
    "hipLaunchKernel",
    "hipExtModuleLaunchKernel",
    "hipModuleLaunchKernel",
]
ASYNCHRONOUS = [
    "cudaMemcpyAsync",
    "cudaMemcpyAsync_ptsz",
    "cudaMemcpy2DAsync",
    "cudaMemcpyPeerAsync",
    "cuMemcpyHtoDAsync_v2",
    "hipMemcpyDtoHAsync",
    "cudaMemsetAsync",
    "cuMemsetD8Async",
    "hipMemsetAsync",
]
GRAPH_LAUNCHES = [
    "cudaGraphLaunch",
    "cudaGraphLaunch_ptsz",
    "cudaGraphLaunch_v10000",
    "hipGraphLaunch",
    "hipGraphLaunch_spt",
    "cuGraphLaunch",
    "cuGraphLaunch_ptsz",
]
OTHERS = [
    "cudaEventQuery",
    "cudaStreamQuery",
    "cudaEventRecord",
    "cudaEventRecordWithFlags",
    "cudaStreamWaitEvent",
    "hipStreamWaitEvent",
    "cudaStreamIsCapturing",
    "cudaMalloc",
    "cudaMallocAsync",
    "cudaFreeAsync",
    "cudaFreeHost",
    "cudaHostAlloc",
    "cudaOccupancyMaxActiveBlocksPerMultiprocessor",
    "cudaGraphInstantiate",
    "cudaDeviceSynchronizer",
    "zeEventQueryStatus",
    "urEventGetInfo",
    "urEnqueueEventsWait",
    "musaEventQuery",
    "myCudaDeviceSynchronize",
    "",
]
CALLS = [
    *SYNCHRONISES,
    *BLOCKING_COPIES,
    *BLOCKING_SETS,
    *FREES,
    *LAUNCH_KERNEL,
    *ASYNCHRONOUS,
    *GRAPH_LAUNCHES,
    *OTHERS,
]


@pytest.mark.parametrize(
    ("question", "yes"),
    [
        (vocabulary.synchronises, SYNCHRONISES),
        (vocabulary.copies_synchronously, BLOCKING_COPIES),
        (vocabulary.blocks, [*SYNCHRONISES, *BLOCKING_COPIES, *BLOCKING_SETS, *FREES]),
        (vocabulary.launches_graph, GRAPH_LAUNCHES),
        (
            vocabulary.launches,
            [*BLOCKING_COPIES, *BLOCKING_SETS, *LAUNCH_KERNEL, *ASYNCHRONOUS, *GRAPH_LAUNCHES],
        ),
    ],
)
def test_calls(question: Callable[[Sequence[str]], NDArray[np.bool_]], yes: list[str]) -> None:
    answers = dict(zip(CALLS, question(CALLS).tolist(), strict=True))
    assert [name for name in CALLS if answers[name]] == [name for name in CALLS if name in yes]


COLLECTIVES = [
    "ncclDevKernel_AllReduce_Sum_bf16_RING_LL(ncclDevKernelArgsStorage<4096ul>)",
    "ncclKernel_AllGather_RING_LL_Sum_int8_t(ncclWorkElem)",
    "void RCCL_something()",
    "nvshmem_barrier_all_kernel",
    "void nvshmemi_transfer_rma_kernel",
    "void vllm::cross_device_reduce_1stage<c10::Half, 8>(vllm::RankData*)",
    "void sglang::custom_all_reduce<float>",
    "void one_shot_all_reduce_kernel",
    "two_shot_all_reduce_kernel_inplace",
    "void quickreduce::allreduce_prototype_twoshot",
    "quick_reduce_kernel",
    "multimem_all_reduce_kernel",
    "multimem_all_gather_kernel",
]
FUSION = (
    "void flashinfer::trtllm_allreduce_fusion::allreduce_fusion_kernel_oneshot_lamport"
    "<(flashinfer::trtllm_allreduce_fusion::AllReduceFusionPattern)1, __nv_bfloat16, 8, false>"
    "(flashinfer::trtllm_allreduce_fusion::AllReduceFusionParams<__nv_bfloat16>)"
)
KINDS = {
    FUSION: "all_reduce",
    "void tensorrt_llm::kernels::ar_fusion::allreduce_fusion_kernel_twoshot_sync": "all_reduce",
    "void x::moereduce_allreduce_fusion_kernel_oneshot_lamport<float, 8>": "all_reduce",
    "void flashinfer::trtllm_mnnvl_allreduce::twoshotAllreduceKernel<4, __half>": "all_reduce",
    "void flashinfer::trtllm_mnnvl_allreduce::oneshotAllreduceFusionKernel<2>": "all_reduce",
    "void tensorrt_llm::kernels::twoShotAllReduceKernel<half, 8>(AllReduceParams)": "all_reduce",
    "void tensorrt_llm::kernels::oneShotAllReduceKernel<half, 8>": "all_reduce",
    "void lowPrecisionTwoShotAllReduceKernel<half, 8>": "all_reduce",
    "void aiter::allreduce_fusion_kernel_1stage<__hip_bfloat16, 8>(...)": "all_reduce",
    "_ZN5aiter33reduce_scatter_cross_device_storeIDF16bLi8EEEvPNS_8RankDataE": "reduce_scatter",
    "void mscclpp::collective::allreducePacket<(mscclpp::ReduceOp)0, __half>": "all_reduce",
    "void mscclpp::collective::allgatherFullmesh2<true>": "all_gather",
    "void mscclpp::allreduceAllToAll<half>(...)": "all_reduce",
    "void mscclpp::executionKernel<int>": "other",
    "oneccl_allreduce_pcie<half>": "all_reduce",
    "oneccl_allgatherv_pcie<half>": "all_gather",
    "void deep_ep::internode_ll::dispatch<true>": "other",
    "void deep_ep::intranode::combine<8>": "other",
    "void moeA2ADispatchKernel<8, false>": "other",
    "moeA2ACombineKernel": "other",
    "void userbuffers_fp16_sum_inplace_gpu_rw<2>(int)": "all_reduce",
    "userbuffers_fp16_sum_gpu_mc_rmsnorm": "all_reduce",
    "void userbuffers_fp16_sum_inplace_gpu_rw_ag<2>(int)": "all_gather",
    "void userbuffers_fp16_sum_inplace_gpu_rr_rs_oop<2>(int)": "reduce_scatter",
    "kuserbuffers_pushsend(int*)": "other",
    "void multimem_one_shot_reduce_kernel<float, 16>": "reduce",
    "multimem_all_gather_kernel": "all_gather",
    "multimem_all_reduce_kernel": "all_reduce",
}
COMPUTE = [
    "ampere_sgemm_128x64_tn",
    "triton_poi_fused_all_reduce_0",
    "triton_red_fused_one_shot_all_reduce_add_3",
    "void flashinfer::trtllm_mnnvl_allreduce::rmsNormLamport<__half>",
    "void aiter::local_device_load_rmsnorm<__hip_bfloat16, 256, 2>",
    "void deep_ep::layout::get_dispatch_layout<256>",
    "moeA2APrepareDispatchKernel",
    "void mscclpp::megamoe::detail::megaMoe<false>()",
    "void at::native::reduce_kernel<512, 1>",
    "cooperative_groups::sync_grid",
    "Synchronised_gemm",
    "triton_poi_fused_add_0",
    "void all_reduce_like_name",
    "Memcpy HtoD (Pageable -> Device)",
    "void flash_fwd_kernel",
    "",
]


def work(role: Role, names: list[str]) -> list[int]:
    roles = np.full(len(names), role, np.int8)
    found = vocabulary.work_class(roles, names, np.arange(len(names), dtype=np.int32))
    assert found.dtype == np.int8
    classes: list[int] = found.tolist()
    return classes


def test_kernels_are_classed_by_name() -> None:
    classes = work(Role.KERNEL, COLLECTIVES + COMPUTE)
    assert classes == [WorkClass.COMMUNICATION] * len(COLLECTIVES) + [WorkClass.COMPUTE] * len(
        COMPUTE
    )


@pytest.mark.parametrize(("name", "kind"), KINDS.items())
def test_kernels_of_communication_libraries_are_told_by_their_own_names(
    name: str, kind: str
) -> None:
    assert work(Role.KERNEL, [name]) == [WorkClass.COMMUNICATION]
    assert kinds.kind(name) == kind


@pytest.mark.parametrize(
    ("role", "expected"), [(Role.MEMCPY, WorkClass.COPY), (Role.MEMSET, WorkClass.SET)]
)
def test_copies_and_sets_are_classed_by_role(role: Role, expected: WorkClass) -> None:
    names = ["Memcpy HtoD (Pageable -> Device)", "Memset (Device)", "ncclSomething", "gemm"]
    assert work(role, names) == [expected] * 4


def test_classes_are_looked_up_by_code() -> None:
    roles = np.array([Role.KERNEL, Role.MEMCPY, Role.KERNEL, Role.MEMSET], np.int8)
    code = np.array([1, 0, 0, 1], np.int32)
    assert vocabulary.work_class(roles, ["gemm", "ncclX"], code).tolist() == [
        WorkClass.COMMUNICATION,
        WorkClass.COPY,
        WorkClass.COMPUTE,
        WorkClass.SET,
    ]


def test_class_labels_are_in_alphabetical_order() -> None:
    labels = [each.label for each in WorkClass]
    assert labels == sorted(labels) == ["communication", "compute", "copy", "set"]


@pytest.mark.parametrize(
    ("question", "yes", "no"),
    [
        (
            vocabulary.pageable,
            ["Memcpy HtoD (Pageable -> Device)", "Memcpy DtoH (Device -> Pageable)"],
            ["Memcpy HtoD (Pinned -> Device)", "Memcpy DtoD (Device -> Device)", ""],
        ),
        (
            vocabulary.host_collective,
            ["nccl:all_reduce", "gloo:broadcast", "mpi:send", "ucc:barrier"],
            ["ProfilerStep#1", "overlap.branch 0", "my nccl:all_reduce", "nccl", "Optimizer"],
        ),
        (
            vocabulary.c10d_operator,
            ["c10d::allreduce_", "c10d::_allgather_base_"],
            ["aten::mm", "record_param_comms", "x c10d::allreduce_"],
        ),
        (
            vocabulary.may_be_container,
            ["forward", "MyFunction", "MyFunctionBackward", "_branch", "ProfilerStep", ""],
            [
                "aten::mm",
                "c10d::allreduce_",
                "autograd::engine::evaluate_function: AddBackward0",
                "Torch-Compiled Region: 0/0",
                "Torch-Compiled Region",
                "## Call CompiledFxGraph fabc ##",
                "Call CompiledFxGraph fabc",
            ],
        ),
        (
            vocabulary.accelerator_sign,
            [
                "cudaLaunchKernel",
                "cuLaunchKernel",
                "hipLaunchKernel",
                "aten::record_stream",
                "aten::_record_stream",
                "aten::pin_memory",
                "aten::_pin_memory",
                "nccl:all_reduce",
                "rccl:all_reduce",
            ],
            ["aten::mm", "gloo:broadcast", "customs", "cumsum", "hipster", "aten::cumsum", ""],
        ),
        (
            vocabulary.profiler_step,
            ["ProfilerStep#0", "ProfilerStep#12"],
            ["ProfilerStep", "my ProfilerStep#1", "overlap.step"],
        ),
        (
            vocabulary.own_step,
            ["overlap.step"],
            ["overlap.step 1", "overlap.branch 0", "ProfilerStep#0"],
        ),
    ],
)
def test_names(
    question: Callable[[Sequence[str]], NDArray[np.bool_]], yes: list[str], no: list[str]
) -> None:
    found = question([*yes, *no])
    assert found.dtype == np.bool_
    assert found.tolist() == [True] * len(yes) + [False] * len(no)
    assert question([]).tolist() == []


def test_of_a_name_without_end_the_beginning_is_looked_at() -> None:
    """Millions of characters would be searched again for each question."""
    filler = "x" * (1 << 16)
    names = ["ncclKernel" + filler, filler + "ncclKernel", "cudaLaunchKernel" + filler]
    assert vocabulary.communicates(names).tolist() == [True, False, False]
    assert vocabulary.launches(names).tolist() == [False, False, True]
