# dagan_library(NAME SOURCES ... DEPS <modules> [PRIVATE <third party>] [PUBLIC <third party>])
# DEPS is the layer rule: a module sees the headers of these modules and no other module's
# third-party headers.
function(dagan_library NAME)
    cmake_parse_arguments(A "" "" "SOURCES;DEPS;PRIVATE;PUBLIC" ${ARGN})
    add_library(${NAME} STATIC ${A_SOURCES})
    target_include_directories(${NAME} PUBLIC ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/src)
    target_link_libraries(${NAME} PUBLIC ${A_DEPS} ${A_PUBLIC} PRIVATE ${A_PRIVATE} dagan_warnings)
endfunction()

# dagan_program(NAME SOURCES ... DEPS ... [PRIVATE ...])
function(dagan_program NAME)
    cmake_parse_arguments(A "" "" "SOURCES;DEPS;PRIVATE" ${ARGN})
    add_executable(${NAME} ${A_SOURCES})
    target_link_libraries(${NAME} PRIVATE ${A_DEPS} ${A_PRIVATE} dagan_warnings)
    install(TARGETS ${NAME} RUNTIME DESTINATION bin)
endfunction()

# One precompiled torch/torch.h for all targets that include it; it saves 17 s per file.
function(dagan_uses_torch NAME)
    target_link_libraries(${NAME} PRIVATE dagan_torch)
    if(NAME STREQUAL "dagan_model")
        target_precompile_headers(${NAME} PRIVATE <torch/torch.h>)
    else()
        target_precompile_headers(${NAME} REUSE_FROM dagan_model)
    endif()
endfunction()

# dagan_test(NAME LABEL unit|mpi|e2e|slow|slurm SOURCES ... DEPS ... [PRIVATE ...] [RANKS 1 2 4]
#            [TIMEOUT s])
# With RANKS the test runs under mpirun once for each number of ranks; its main() is in
# tests/support/mpi_main.cpp.
function(dagan_test NAME)
    cmake_parse_arguments(A "" "LABEL;TIMEOUT" "SOURCES;DEPS;PRIVATE;RANKS" ${ARGN})
    if(NOT A_TIMEOUT)
        set(A_TIMEOUT 600)
    endif()
    add_executable(${NAME} ${A_SOURCES})
    set_target_properties(${NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
    target_include_directories(${NAME} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
    target_link_libraries(${NAME} PRIVATE
        ${A_DEPS} ${A_PRIVATE} gtest gmock Threads::Threads dagan_warnings)
    target_compile_definitions(${NAME} PRIVATE
        DAGAN_SOURCE_DIR="${PROJECT_SOURCE_DIR}" DAGAN_BIN_DIR="${CMAKE_BINARY_DIR}/bin")
    if(A_RANKS)
        target_link_libraries(${NAME} PRIVATE MPI::MPI_C)
        set(environment OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
            OMPI_MCA_mpi_yield_when_idle=1)
        foreach(ranks ${A_RANKS})
            add_test(NAME ${NAME}_${ranks}
                COMMAND ${MPIEXEC_EXECUTABLE} -np ${ranks} --oversubscribe --bind-to none
                    $<TARGET_FILE:${NAME}>)
            set_tests_properties(${NAME}_${ranks} PROPERTIES
                LABELS ${A_LABEL} TIMEOUT ${A_TIMEOUT} PROCESSORS ${ranks}
                ENVIRONMENT "${environment}")
        endforeach()
    else()
        target_link_libraries(${NAME} PRIVATE gtest_main)
        add_test(NAME ${NAME} COMMAND ${NAME})
        set_tests_properties(${NAME} PROPERTIES LABELS ${A_LABEL} TIMEOUT ${A_TIMEOUT})
    endif()
endfunction()
