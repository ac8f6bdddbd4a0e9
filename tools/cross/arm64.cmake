set(CROSS_ARCHITECTURE arm64)
set(CROSS_TRIPLET aarch64-linux-gnu)
set(CROSS_EMULATOR aarch64) # of QEMU, to run what was built
set(CMAKE_SYSTEM_PROCESSOR aarch64)
include(${CMAKE_CURRENT_LIST_DIR}/common.cmake)
