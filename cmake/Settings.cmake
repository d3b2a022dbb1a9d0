set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE Release)
endif()
include(CTest)

find_program(CCACHE ccache)
if(CCACHE)
    set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

# Warnings for the project's code; third-party headers are system headers.
add_library(dagan_warnings INTERFACE)
target_compile_options(dagan_warnings INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual)
option(DAGAN_WERROR "Treat warnings as errors" OFF)
if(DAGAN_WERROR)
    target_compile_options(dagan_warnings INTERFACE -Werror)
endif()

set(DAGAN_SANITIZE "" CACHE STRING "address,undefined or thread: sanitizers of the project's code")
if(DAGAN_SANITIZE)
    add_compile_options(
        -fsanitize=${DAGAN_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
    add_link_options(-fsanitize=${DAGAN_SANITIZE})
endif()
