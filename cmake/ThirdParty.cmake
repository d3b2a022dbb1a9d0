# Third-party libraries, one imported target each; modules name them in PRIVATE.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(cereal REQUIRED)
find_package(CLI11 REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(yaml_cpp REQUIRED IMPORTED_TARGET yaml-cpp)
pkg_check_modules(hdf5 REQUIRED IMPORTED_TARGET hdf5)
pkg_check_modules(archive REQUIRED IMPORTED_TARGET libarchive)
pkg_check_modules(spng REQUIRED IMPORTED_TARGET spng)
pkg_check_modules(turbojpeg REQUIRED IMPORTED_TARGET libturbojpeg)
pkg_check_modules(sqlite3 REQUIRED IMPORTED_TARGET sqlite3)
pkg_check_modules(libpq REQUIRED IMPORTED_TARGET libpq)
find_package(MPI REQUIRED COMPONENTS C)
target_compile_definitions(MPI::MPI_C INTERFACE OMPI_SKIP_MPICXX) # only the C API

# SOCI's CMake package names differ between distributions; its libraries do not.
find_path(SOCI_INCLUDE_DIR soci/soci.h REQUIRED)
find_library(SOCI_CORE_LIBRARY soci_core REQUIRED)
find_library(SOCI_SQLITE3_LIBRARY soci_sqlite3 REQUIRED)
find_library(SOCI_POSTGRESQL_LIBRARY soci_postgresql REQUIRED)
add_library(dagan_soci INTERFACE)
target_include_directories(dagan_soci SYSTEM INTERFACE ${SOCI_INCLUDE_DIR} ${SOCI_INCLUDE_DIR}/soci)
target_link_libraries(dagan_soci INTERFACE
    ${SOCI_SQLITE3_LIBRARY} ${SOCI_POSTGRESQL_LIBRARY} ${SOCI_CORE_LIBRARY}
    PkgConfig::sqlite3 PkgConfig::libpq)

# LibTorch from the pinned wheel. Not by find_package(Torch), which with this wheel requires nvcc,
# changes global flags and links the CUDA libraries into every target.
file(GLOB wheel_torch ${PROJECT_SOURCE_DIR}/.venv/lib/python3*/site-packages/torch)
if(DEFINED ENV{TORCH_ROOT})
    set(wheel_torch $ENV{TORCH_ROOT})
endif()
set(TORCH_ROOT "${wheel_torch}" CACHE PATH "LibTorch folder (holds include/ and lib/)")
if(NOT EXISTS ${TORCH_ROOT}/lib/libtorch_cpu.so)
    message(FATAL_ERROR "LibTorch not found at '${TORCH_ROOT}': run `make setup`, or pass "
        "-DTORCH_ROOT=/path/to/libtorch")
endif()
add_library(dagan_torch INTERFACE)
# The wheel contains headers of another fmt version; those of the linked version must come first.
find_path(FMT_INCLUDE_DIR fmt/format.h REQUIRED)
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/include-first)
file(CREATE_LINK ${FMT_INCLUDE_DIR}/fmt ${CMAKE_BINARY_DIR}/include-first/fmt SYMBOLIC)
target_include_directories(dagan_torch SYSTEM BEFORE INTERFACE ${CMAKE_BINARY_DIR}/include-first)
target_include_directories(dagan_torch SYSTEM INTERFACE
    ${TORCH_ROOT}/include ${TORCH_ROOT}/include/torch/csrc/api/include)
target_link_directories(dagan_torch INTERFACE ${TORCH_ROOT}/lib)
target_link_libraries(dagan_torch INTERFACE torch_cpu c10)
target_link_options(dagan_torch INTERFACE -Wl,--disable-new-dtags -Wl,-rpath,${TORCH_ROOT}/lib)
# The OpenMP runtime that LibTorch brings, for src/model/tensor/parallel.cpp, which uses its threads:
# a second runtime would start a second thread pool. A LibTorch without its own uses the system's.
file(GLOB torch_gomp ${TORCH_ROOT}/lib/libgomp*.so*)
if(NOT torch_gomp)
    set(torch_gomp gomp)
endif()
target_link_libraries(dagan_torch INTERFACE ${torch_gomp})
