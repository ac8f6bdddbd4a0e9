set(CROSS_ARCHITECTURE s390x)
set(CROSS_TRIPLET s390x-linux-gnu)
set(CROSS_EMULATOR s390x) # of QEMU, to run what was built
set(CMAKE_SYSTEM_PROCESSOR s390x)
include(${CMAKE_CURRENT_LIST_DIR}/common.cmake)
