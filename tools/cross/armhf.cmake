set(CROSS_ARCHITECTURE armhf)
set(CROSS_TRIPLET arm-linux-gnueabihf)
set(CROSS_EMULATOR arm) # of QEMU, to run what was built
set(CMAKE_SYSTEM_PROCESSOR armv7l)
# Notes of what has been passed in another way since GCC 7.1.
set(CMAKE_CXX_FLAGS_INIT -Wno-psabi)
include(${CMAKE_CURRENT_LIST_DIR}/common.cmake)
