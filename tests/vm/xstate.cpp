// Preloaded into linux.uml, the kernel that runs as a process: lets it run on a CPU whose extended
// state is larger than its buffer for it.
//
// Linux before 6.13 sets the registers of its user processes with PTRACE_SETREGSET from a buffer of
// fixed size (FP_SIZE, arch/x86/um). The host's xstateregs_set() wants all of its state and answers
// EFAULT to less, and the guest panics: "ptrace set fp regs failed". AMX alone has 8 KiB, so every
// Xeon since Sapphire Rapids is such a CPU. Here the buffer is filled up; where it is large enough
// already, nothing is done.
#include <algorithm>
#include <array>
#include <cpuid.h>
#include <cstdint>
#include <cstring>
#include <dlfcn.h>
#include <elf.h>
#include <linux/ptrace.h>
#include <sys/uio.h>

namespace {

constexpr unsigned xstate_leaf = 0xd; // of CPUID
constexpr std::size_t in_use_offset =
    512; // XSTATE_BV: which components are not in their first state
constexpr std::size_t header_end = 576;

struct Layout {
    std::size_t size = 0;
    std::array<std::size_t, 64> ends{}; // of each component

    Layout() {
        unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
        if (__get_cpuid_count(xstate_leaf, 0, &eax, &ebx, &ecx, &edx) == 0) return;
        size = ebx;
        // The first two, x87 and SSE, are before the header. CPUID leaves a virtual machine each
        // time it is called, so it is not for every context switch.
        for (unsigned i = 2; i < ends.size() - 1; ++i) {
            __get_cpuid_count(xstate_leaf, i, &eax, &ebx, &ecx, &edx);
            const bool for_user_processes = (ecx & 1) == 0;
            if (for_user_processes && eax != 0) ends[i] = std::size_t{eax} + ebx;
        }
    }
};

const Layout layout;

using Ptrace = long (*)(int, int, void*, void*);
const auto real = reinterpret_cast<Ptrace>(dlsym(RTLD_NEXT, "ptrace"));

} // namespace

// Declared in <sys/ptrace.h> with an ellipsis, which the calling convention does not notice.
extern "C" long ptrace(int request, int process, void* address, void* data) {
    static std::array<char, 1 << 16> whole;
    const bool sets_xstate =
        request == PTRACE_SETREGSET && reinterpret_cast<std::uintptr_t>(address) == NT_X86_XSTATE;
    if (!sets_xstate) return real(request, process, address, data);
    const auto& part = *static_cast<const iovec*>(data);
    if (part.iov_len < header_end || part.iov_len >= layout.size || layout.size > whole.size())
        return real(request, process, address, data);

    std::memcpy(whole.data(), part.iov_base, part.iov_len);
    std::fill(whole.begin() + static_cast<std::ptrdiff_t>(part.iov_len), whole.end(), '\0');
    // PTRACE_GETREGSET has told of components that it had no room for.
    std::uint64_t in_use = 0;
    std::memcpy(&in_use, whole.data() + in_use_offset, sizeof in_use);
    for (std::size_t i = 0; i < layout.ends.size(); ++i)
        if (layout.ends[i] > part.iov_len) in_use &= ~(std::uint64_t{1} << i);
    std::memcpy(whole.data() + in_use_offset, &in_use, sizeof in_use);
    iovec filled{whole.data(), layout.size};
    return real(request, process, address, &filled);
}
