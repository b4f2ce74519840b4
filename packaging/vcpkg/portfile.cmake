# Rust has to be installed. MONGOOSE_TARBALL names what scripts/tarball.sh made.
vcpkg_extract_source_archive(SOURCE_PATH ARCHIVE "$ENV{MONGOOSE_TARBALL}")
vcpkg_execute_required_process(
  COMMAND scripts/reproducible.sh cargo build --release --locked --offline
  WORKING_DIRECTORY "${SOURCE_PATH}"
  LOGNAME cargo-build)
vcpkg_execute_required_process(
  COMMAND python3 scripts/install.py install
    --prefix "${CURRENT_PACKAGES_DIR}" --mandir "${CURRENT_PACKAGES_DIR}/share/man"
    --docdir "${CURRENT_PACKAGES_DIR}/share/libmongoose"
  WORKING_DIRECTORY "${SOURCE_PATH}"
  LOGNAME install)
vcpkg_cmake_config_fixup(PACKAGE_NAME mongoose CONFIG_PATH lib/cmake/mongoose)
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE-MIT" "${SOURCE_PATH}/LICENSE-APACHE"
  "${SOURCE_PATH}/THIRD-PARTY-LICENSES.md")
