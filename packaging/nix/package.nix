# SPDX-License-Identifier: LGPL-2.1-or-later
# nix-build -E '(import <nixpkgs> {}).callPackage ./packaging/nix/package.nix {}'
{ lib, stdenv, autoreconfHook, pkg-config, python3, libcap, libseccomp, protobufc, systemd, yajl }:

stdenv.mkDerivation {
  pname = "tare";
  version = "0.2.0";
  src = lib.cleanSource ../..;

  nativeBuildInputs = [ autoreconfHook pkg-config protobufc python3 ];
  buildInputs = [ libcap libseccomp protobufc systemd yajl ];
  configureFlags = [ "--disable-static-binary" "--with-systemd" "--without-selinux" "--with-criu" ];
  # the scripts of the tests are called by their own names
  postPatch = "patchShebangs tests docs";
  enableParallelBuilding = true;
  doCheck = true;

  meta = {
    description = "OCI container runtime in C, light and watertight";
    license = lib.licenses.lgpl21Plus;
    platforms = [ "x86_64-linux" "aarch64-linux" "armv7l-linux" "riscv64-linux" ];
    mainProgram = "tare";
  };
}
