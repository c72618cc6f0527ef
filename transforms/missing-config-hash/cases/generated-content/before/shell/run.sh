#!/bin/sh
echo ${HOST}
