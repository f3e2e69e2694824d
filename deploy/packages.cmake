# SPDX-License-Identifier: Apache-2.0
# Debian packages, by CPack: one a component, those for Slurm named by the version of Slurm they are built for.
# deploy/package builds them. What only packages hold is EXCLUDE_FROM_ALL: a plain `cmake --install` puts nothing into /etc.

# CPack would build all, tests included, before it installs.
set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY ON)

set(debian ${CMAKE_CURRENT_LIST_DIR}/debian)

# rhumb_package(<component> <name> <summary> [FIELD VALUE]...): how CPack calls the package, and fields of its control
# file as CPACK_DEBIAN_<COMPONENT>_PACKAGE_<FIELD>.
function(rhumb_package component name summary)
  string(TOUPPER ${component} upper)
  set(CPACK_DEBIAN_${upper}_PACKAGE_NAME ${name} PARENT_SCOPE)
  set(CPACK_COMPONENT_${upper}_DESCRIPTION ${summary} PARENT_SCOPE)
  while(ARGN)
    list(POP_FRONT ARGN field value)
    set(CPACK_DEBIAN_${upper}_PACKAGE_${field} ${value} PARENT_SCOPE)
  endwhile()
  install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION share/doc/${name} RENAME copyright
    COMPONENT ${component} EXCLUDE_FROM_ALL)
endfunction()

# install_configuration(<component> <file>): into /etc/rhumb, or etc/rhumb of a prefix other than /usr. One that is there
# is its administrator's.
function(install_configuration component file)
  cmake_path(GET file FILENAME name)
  install(CODE "
    set(etc \"\${CMAKE_INSTALL_PREFIX}/etc\")
    if(CMAKE_INSTALL_PREFIX STREQUAL \"/usr\")
      set(etc /etc)
    endif()
    if(NOT EXISTS \"\$ENV{DESTDIR}\${etc}/rhumb/${name}\")
      file(INSTALL \"${file}\" DESTINATION \"\${etc}/rhumb\")
    endif()"
    COMPONENT ${component} EXCLUDE_FROM_ALL)
endfunction()

rhumb_package(cli rhumb "planner of LLM training runs: the command" RECOMMENDS rhumbd)
set(CPACK_DEBIAN_CLI_PACKAGE_CONTROL_EXTRA ${debian}/rhumb/conffiles)
# Read by `rhumb submit` too; of one package, however many versions of Slurm come and go.
install_configuration(cli ${CMAKE_CURRENT_LIST_DIR}/slurm/slurm-gpus.conf)
foreach(each "bash share/bash-completion/completions/rhumb" "zsh share/zsh/vendor-completions/_rhumb"
        "fish share/fish/vendor_completions.d/rhumb.fish")
  string(REPLACE " " ";" each ${each})
  list(GET each 0 shell)
  list(GET each 1 file)
  install(CODE "
    set(file \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${file}\")
    cmake_path(GET file PARENT_PATH folder)
    file(MAKE_DIRECTORY \"\${folder}\")
    execute_process(COMMAND \"$<TARGET_FILE:rhumb>\" completion ${shell} OUTPUT_FILE \"\${file}\" COMMAND_ERROR_IS_FATAL ANY)"
    COMPONENT cli EXCLUDE_FROM_ALL)
endforeach()

rhumb_package(daemon rhumbd "planner of LLM training runs: the daemon" DEPENDS adduser RECOMMENDS rhumb)
set(CPACK_DEBIAN_DAEMON_PACKAGE_CONTROL_EXTRA
  ${debian}/rhumbd/postinst ${debian}/rhumbd/prerm ${debian}/rhumbd/conffiles)
install(FILES ${CMAKE_CURRENT_LIST_DIR}/rhumbd.service DESTINATION lib/systemd/system
  COMPONENT daemon EXCLUDE_FROM_ALL)
install_configuration(daemon ${CMAKE_CURRENT_LIST_DIR}/rhumbd.toml)
set(components cli daemon)

# Slurm takes plugins of its own major and minor version alone, and each has a libslurm of its own.
if(SLURM_INCLUDE_DIR)
  file(STRINGS ${SLURM_INCLUDE_DIR}/slurm/slurm_version.h number REGEX "define SLURM_VERSION_NUMBER")
  string(REGEX MATCH "0x[0-9a-fA-F]+" number "${number}")
  math(EXPR RHUMB_SLURM_MAJOR "${number} >> 16")
  math(EXPR RHUMB_SLURM_MINOR "(${number} >> 8) & 255")
  math(EXPR next "${RHUMB_SLURM_MINOR} + 1")
  foreach(name RHUMB_SLURM_MINOR next)
    if(${name} LESS 10)
      set(${name} 0${${name}})
    endif()
  endforeach()
  set(RHUMB_SLURM_VERSION ${RHUMB_SLURM_MAJOR}.${RHUMB_SLURM_MINOR})
  set(RHUMB_SLURM_RANGE
    "slurm-client (>= ${RHUMB_SLURM_VERSION}), slurm-client (<< ${RHUMB_SLURM_MAJOR}.${next})")

  rhumb_package(slurm rhumb-slurm-plugin-${RHUMB_SLURM_VERSION}
    "planner of LLM training runs: --rhumb for sbatch, srun and salloc of Slurm ${RHUMB_SLURM_VERSION}"
    DEPENDS "rhumb (>= ${PROJECT_VERSION}), ${RHUMB_SLURM_RANGE}"
    PROVIDES rhumb-slurm-plugin CONFLICTS rhumb-slurm-plugin REPLACES rhumb-slurm-plugin)
  set(CPACK_DEBIAN_SLURM_PACKAGE_CONTROL_EXTRA
    ${debian}/rhumb-slurm-plugin/postinst ${debian}/rhumb-slurm-plugin/prerm ${debian}/rhumb-slurm-plugin/postrm)
  install(FILES ${CMAKE_CURRENT_LIST_DIR}/slurm/cli_filter.lua ${CMAKE_CURRENT_LIST_DIR}/slurm/job_submit.lua
    ${CMAKE_CURRENT_LIST_DIR}/slurm/plugstack.conf DESTINATION share/rhumb/slurm COMPONENT slurm EXCLUDE_FROM_ALL)
  install(PROGRAMS ${CMAKE_CURRENT_LIST_DIR}/slurm/install DESTINATION share/rhumb/slurm
    COMPONENT slurm EXCLUDE_FROM_ALL)
  list(APPEND components slurm)

  get_cmake_property(known COMPONENTS)
  if("slurm-agent" IN_LIST known)
    rhumb_package(slurm-agent rhumb-slurm-agent-${RHUMB_SLURM_VERSION}
      "planner of LLM training runs: tells rhumbd what a Slurm ${RHUMB_SLURM_VERSION} cluster does"
      DEPENDS "adduser, ${RHUMB_SLURM_RANGE}"
      PROVIDES rhumb-slurm-agent CONFLICTS rhumb-slurm-agent REPLACES rhumb-slurm-agent)
    set(CPACK_DEBIAN_SLURM-AGENT_PACKAGE_CONTROL_EXTRA
      ${debian}/rhumb-slurm-agent/postinst ${debian}/rhumb-slurm-agent/prerm)
    install(FILES ${CMAKE_CURRENT_LIST_DIR}/slurm/rhumb-slurm-agent.service DESTINATION lib/systemd/system
      COMPONENT slurm-agent EXCLUDE_FROM_ALL)
    list(APPEND components slurm-agent)
  endif()
endif()

set(CPACK_GENERATOR DEB)
set(CPACK_COMPONENTS_ALL ${components})
set(CPACK_PACKAGE_VENDOR Rhumb)
set(CPACK_PACKAGE_CONTACT "Rhumb <root@localhost>")
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
include(CPack)
