#!/usr/bin/env node
// @gateway-provisioners/launchers: starts any Jupyter kernel beside Node 20 or newer and calls the gateway.
// Made by programs/bundle-node-launcher.mjs from src/node-launcher; do not edit.
import { Buffer } from 'node:buffer';
import { spawn } from 'node:child_process';
import { constants, createCipheriv, createPublicKey, publicEncrypt, randomBytes, randomInt, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, write } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/* tweetnacl 1.0.3 (https://tweetnacl.js.org), in the public domain (The Unlicense). */
const nacl = ((module) => {
!function(i){"use strict";var v=function(r){var t,n=new Float64Array(16);if(r)for(t=0;t<r.length;t++)n[t]=r[t];return n},h=function(){throw new Error("no PRNG")},o=new Uint8Array(16),n=new Uint8Array(32);n[0]=9;var s=v(),u=v([1]),p=v([56129,1]),c=v([30883,4953,19914,30187,55467,16705,2637,112,59544,30585,16505,36039,65139,11119,27886,20995]),y=v([61785,9906,39828,60374,45398,33411,5274,224,53552,61171,33010,6542,64743,22239,55772,9222]),e=v([54554,36645,11616,51542,42930,38181,51040,26924,56412,64982,57905,49316,21502,52590,14035,8553]),a=v([26200,26214,26214,26214,26214,26214,26214,26214,26214,26214,26214,26214,26214,26214,26214,26214]),l=v([41136,18958,6951,50414,58488,44335,6150,12099,55207,15867,153,11085,57099,20417,9344,11139]);function f(r,t,n,e){r[t]=n>>24&255,r[t+1]=n>>16&255,r[t+2]=n>>8&255,r[t+3]=255&n,r[t+4]=e>>24&255,r[t+5]=e>>16&255,r[t+6]=e>>8&255,r[t+7]=255&e}function w(r,t,n,e,o){var i,h=0;for(i=0;i<o;i++)h|=r[t+i]^n[e+i];return(1&h-1>>>8)-1}function b(r,t,n,e){return w(r,t,n,e,16)}function g(r,t,n,e){return w(r,t,n,e,32)}function A(r,t,n,e){!function(r,t,n,e){for(var o,i=255&e[0]|(255&e[1])<<8|(255&e[2])<<16|(255&e[3])<<24,h=255&n[0]|(255&n[1])<<8|(255&n[2])<<16|(255&n[3])<<24,a=255&n[4]|(255&n[5])<<8|(255&n[6])<<16|(255&n[7])<<24,f=255&n[8]|(255&n[9])<<8|(255&n[10])<<16|(255&n[11])<<24,s=255&n[12]|(255&n[13])<<8|(255&n[14])<<16|(255&n[15])<<24,u=255&e[4]|(255&e[5])<<8|(255&e[6])<<16|(255&e[7])<<24,c=255&t[0]|(255&t[1])<<8|(255&t[2])<<16|(255&t[3])<<24,y=255&t[4]|(255&t[5])<<8|(255&t[6])<<16|(255&t[7])<<24,l=255&t[8]|(255&t[9])<<8|(255&t[10])<<16|(255&t[11])<<24,w=255&t[12]|(255&t[13])<<8|(255&t[14])<<16|(255&t[15])<<24,v=255&e[8]|(255&e[9])<<8|(255&e[10])<<16|(255&e[11])<<24,p=255&n[16]|(255&n[17])<<8|(255&n[18])<<16|(255&n[19])<<24,b=255&n[20]|(255&n[21])<<8|(255&n[22])<<16|(255&n[23])<<24,g=255&n[24]|(255&n[25])<<8|(255&n[26])<<16|(255&n[27])<<24,A=255&n[28]|(255&n[29])<<8|(255&n[30])<<16|(255&n[31])<<24,_=255&e[12]|(255&e[13])<<8|(255&e[14])<<16|(255&e[15])<<24,U=i,d=h,E=a,x=f,M=s,m=u,B=c,S=y,k=l,K=w,Y=v,L=p,T=b,z=g,R=A,P=_,N=0;N<20;N+=2)U^=(o=(T^=(o=(k^=(o=(M^=(o=U+T|0)<<7|o>>>25)+U|0)<<9|o>>>23)+M|0)<<13|o>>>19)+k|0)<<18|o>>>14,m^=(o=(d^=(o=(z^=(o=(K^=(o=m+d|0)<<7|o>>>25)+m|0)<<9|o>>>23)+K|0)<<13|o>>>19)+z|0)<<18|o>>>14,Y^=(o=(B^=(o=(E^=(o=(R^=(o=Y+B|0)<<7|o>>>25)+Y|0)<<9|o>>>23)+R|0)<<13|o>>>19)+E|0)<<18|o>>>14,P^=(o=(L^=(o=(S^=(o=(x^=(o=P+L|0)<<7|o>>>25)+P|0)<<9|o>>>23)+x|0)<<13|o>>>19)+S|0)<<18|o>>>14,U^=(o=(x^=(o=(E^=(o=(d^=(o=U+x|0)<<7|o>>>25)+U|0)<<9|o>>>23)+d|0)<<13|o>>>19)+E|0)<<18|o>>>14,m^=(o=(M^=(o=(S^=(o=(B^=(o=m+M|0)<<7|o>>>25)+m|0)<<9|o>>>23)+B|0)<<13|o>>>19)+S|0)<<18|o>>>14,Y^=(o=(K^=(o=(k^=(o=(L^=(o=Y+K|0)<<7|o>>>25)+Y|0)<<9|o>>>23)+L|0)<<13|o>>>19)+k|0)<<18|o>>>14,P^=(o=(R^=(o=(z^=(o=(T^=(o=P+R|0)<<7|o>>>25)+P|0)<<9|o>>>23)+T|0)<<13|o>>>19)+z|0)<<18|o>>>14;U=U+i|0,d=d+h|0,E=E+a|0,x=x+f|0,M=M+s|0,m=m+u|0,B=B+c|0,S=S+y|0,k=k+l|0,K=K+w|0,Y=Y+v|0,L=L+p|0,T=T+b|0,z=z+g|0,R=R+A|0,P=P+_|0,r[0]=U>>>0&255,r[1]=U>>>8&255,r[2]=U>>>16&255,r[3]=U>>>24&255,r[4]=d>>>0&255,r[5]=d>>>8&255,r[6]=d>>>16&255,r[7]=d>>>24&255,r[8]=E>>>0&255,r[9]=E>>>8&255,r[10]=E>>>16&255,r[11]=E>>>24&255,r[12]=x>>>0&255,r[13]=x>>>8&255,r[14]=x>>>16&255,r[15]=x>>>24&255,r[16]=M>>>0&255,r[17]=M>>>8&255,r[18]=M>>>16&255,r[19]=M>>>24&255,r[20]=m>>>0&255,r[21]=m>>>8&255,r[22]=m>>>16&255,r[23]=m>>>24&255,r[24]=B>>>0&255,r[25]=B>>>8&255,r[26]=B>>>16&255,r[27]=B>>>24&255,r[28]=S>>>0&255,r[29]=S>>>8&255,r[30]=S>>>16&255,r[31]=S>>>24&255,r[32]=k>>>0&255,r[33]=k>>>8&255,r[34]=k>>>16&255,r[35]=k>>>24&255,r[36]=K>>>0&255,r[37]=K>>>8&255,r[38]=K>>>16&255,r[39]=K>>>24&255,r[40]=Y>>>0&255,r[41]=Y>>>8&255,r[42]=Y>>>16&255,r[43]=Y>>>24&255,r[44]=L>>>0&255,r[45]=L>>>8&255,r[46]=L>>>16&255,r[47]=L>>>24&255,r[48]=T>>>0&255,r[49]=T>>>8&255,r[50]=T>>>16&255,r[51]=T>>>24&255,r[52]=z>>>0&255,r[53]=z>>>8&255,r[54]=z>>>16&255,r[55]=z>>>24&255,r[56]=R>>>0&255,r[57]=R>>>8&255,r[58]=R>>>16&255,r[59]=R>>>24&255,r[60]=P>>>0&255,r[61]=P>>>8&255,r[62]=P>>>16&255,r[63]=P>>>24&255}(r,t,n,e)}function _(r,t,n,e){!function(r,t,n,e){for(var o,i=255&e[0]|(255&e[1])<<8|(255&e[2])<<16|(255&e[3])<<24,h=255&n[0]|(255&n[1])<<8|(255&n[2])<<16|(255&n[3])<<24,a=255&n[4]|(255&n[5])<<8|(255&n[6])<<16|(255&n[7])<<24,f=255&n[8]|(255&n[9])<<8|(255&n[10])<<16|(255&n[11])<<24,s=255&n[12]|(255&n[13])<<8|(255&n[14])<<16|(255&n[15])<<24,u=255&e[4]|(255&e[5])<<8|(255&e[6])<<16|(255&e[7])<<24,c=255&t[0]|(255&t[1])<<8|(255&t[2])<<16|(255&t[3])<<24,y=255&t[4]|(255&t[5])<<8|(255&t[6])<<16|(255&t[7])<<24,l=255&t[8]|(255&t[9])<<8|(255&t[10])<<16|(255&t[11])<<24,w=255&t[12]|(255&t[13])<<8|(255&t[14])<<16|(255&t[15])<<24,v=255&e[8]|(255&e[9])<<8|(255&e[10])<<16|(255&e[11])<<24,p=255&n[16]|(255&n[17])<<8|(255&n[18])<<16|(255&n[19])<<24,b=255&n[20]|(255&n[21])<<8|(255&n[22])<<16|(255&n[23])<<24,g=255&n[24]|(255&n[25])<<8|(255&n[26])<<16|(255&n[27])<<24,A=255&n[28]|(255&n[29])<<8|(255&n[30])<<16|(255&n[31])<<24,_=255&e[12]|(255&e[13])<<8|(255&e[14])<<16|(255&e[15])<<24,U=0;U<20;U+=2)i^=(o=(b^=(o=(l^=(o=(s^=(o=i+b|0)<<7|o>>>25)+i|0)<<9|o>>>23)+s|0)<<13|o>>>19)+l|0)<<18|o>>>14,u^=(o=(h^=(o=(g^=(o=(w^=(o=u+h|0)<<7|o>>>25)+u|0)<<9|o>>>23)+w|0)<<13|o>>>19)+g|0)<<18|o>>>14,v^=(o=(c^=(o=(a^=(o=(A^=(o=v+c|0)<<7|o>>>25)+v|0)<<9|o>>>23)+A|0)<<13|o>>>19)+a|0)<<18|o>>>14,_^=(o=(p^=(o=(y^=(o=(f^=(o=_+p|0)<<7|o>>>25)+_|0)<<9|o>>>23)+f|0)<<13|o>>>19)+y|0)<<18|o>>>14,i^=(o=(f^=(o=(a^=(o=(h^=(o=i+f|0)<<7|o>>>25)+i|0)<<9|o>>>23)+h|0)<<13|o>>>19)+a|0)<<18|o>>>14,u^=(o=(s^=(o=(y^=(o=(c^=(o=u+s|0)<<7|o>>>25)+u|0)<<9|o>>>23)+c|0)<<13|o>>>19)+y|0)<<18|o>>>14,v^=(o=(w^=(o=(l^=(o=(p^=(o=v+w|0)<<7|o>>>25)+v|0)<<9|o>>>23)+p|0)<<13|o>>>19)+l|0)<<18|o>>>14,_^=(o=(A^=(o=(g^=(o=(b^=(o=_+A|0)<<7|o>>>25)+_|0)<<9|o>>>23)+b|0)<<13|o>>>19)+g|0)<<18|o>>>14;r[0]=i>>>0&255,r[1]=i>>>8&255,r[2]=i>>>16&255,r[3]=i>>>24&255,r[4]=u>>>0&255,r[5]=u>>>8&255,r[6]=u>>>16&255,r[7]=u>>>24&255,r[8]=v>>>0&255,r[9]=v>>>8&255,r[10]=v>>>16&255,r[11]=v>>>24&255,r[12]=_>>>0&255,r[13]=_>>>8&255,r[14]=_>>>16&255,r[15]=_>>>24&255,r[16]=c>>>0&255,r[17]=c>>>8&255,r[18]=c>>>16&255,r[19]=c>>>24&255,r[20]=y>>>0&255,r[21]=y>>>8&255,r[22]=y>>>16&255,r[23]=y>>>24&255,r[24]=l>>>0&255,r[25]=l>>>8&255,r[26]=l>>>16&255,r[27]=l>>>24&255,r[28]=w>>>0&255,r[29]=w>>>8&255,r[30]=w>>>16&255,r[31]=w>>>24&255}(r,t,n,e)}var U=new Uint8Array([101,120,112,97,110,100,32,51,50,45,98,121,116,101,32,107]);function d(r,t,n,e,o,i,h){var a,f,s=new Uint8Array(16),u=new Uint8Array(64);for(f=0;f<16;f++)s[f]=0;for(f=0;f<8;f++)s[f]=i[f];for(;64<=o;){for(A(u,s,h,U),f=0;f<64;f++)r[t+f]=n[e+f]^u[f];for(a=1,f=8;f<16;f++)a=a+(255&s[f])|0,s[f]=255&a,a>>>=8;o-=64,t+=64,e+=64}if(0<o)for(A(u,s,h,U),f=0;f<o;f++)r[t+f]=n[e+f]^u[f];return 0}function E(r,t,n,e,o){var i,h,a=new Uint8Array(16),f=new Uint8Array(64);for(h=0;h<16;h++)a[h]=0;for(h=0;h<8;h++)a[h]=e[h];for(;64<=n;){for(A(f,a,o,U),h=0;h<64;h++)r[t+h]=f[h];for(i=1,h=8;h<16;h++)i=i+(255&a[h])|0,a[h]=255&i,i>>>=8;n-=64,t+=64}if(0<n)for(A(f,a,o,U),h=0;h<n;h++)r[t+h]=f[h];return 0}function x(r,t,n,e,o){var i=new Uint8Array(32);_(i,e,o,U);for(var h=new Uint8Array(8),a=0;a<8;a++)h[a]=e[a+16];return E(r,t,n,h,i)}function M(r,t,n,e,o,i,h){var a=new Uint8Array(32);_(a,i,h,U);for(var f=new Uint8Array(8),s=0;s<8;s++)f[s]=i[s+16];return d(r,t,n,e,o,f,a)}var m=function(r){var t,n,e,o,i,h,a,f;this.buffer=new Uint8Array(16),this.r=new Uint16Array(10),this.h=new Uint16Array(10),this.pad=new Uint16Array(8),this.leftover=0,t=255&r[this.fin=0]|(255&r[1])<<8,this.r[0]=8191&t,n=255&r[2]|(255&r[3])<<8,this.r[1]=8191&(t>>>13|n<<3),e=255&r[4]|(255&r[5])<<8,this.r[2]=7939&(n>>>10|e<<6),o=255&r[6]|(255&r[7])<<8,this.r[3]=8191&(e>>>7|o<<9),i=255&r[8]|(255&r[9])<<8,this.r[4]=255&(o>>>4|i<<12),this.r[5]=i>>>1&8190,h=255&r[10]|(255&r[11])<<8,this.r[6]=8191&(i>>>14|h<<2),a=255&r[12]|(255&r[13])<<8,this.r[7]=8065&(h>>>11|a<<5),f=255&r[14]|(255&r[15])<<8,this.r[8]=8191&(a>>>8|f<<8),this.r[9]=f>>>5&127,this.pad[0]=255&r[16]|(255&r[17])<<8,this.pad[1]=255&r[18]|(255&r[19])<<8,this.pad[2]=255&r[20]|(255&r[21])<<8,this.pad[3]=255&r[22]|(255&r[23])<<8,this.pad[4]=255&r[24]|(255&r[25])<<8,this.pad[5]=255&r[26]|(255&r[27])<<8,this.pad[6]=255&r[28]|(255&r[29])<<8,this.pad[7]=255&r[30]|(255&r[31])<<8};function B(r,t,n,e,o,i){var h=new m(i);return h.update(n,e,o),h.finish(r,t),0}function S(r,t,n,e,o,i){var h=new Uint8Array(16);return B(h,0,n,e,o,i),b(r,t,h,0)}function k(r,t,n,e,o){var i;if(n<32)return-1;for(M(r,0,t,0,n,e,o),B(r,16,r,32,n-32,r),i=0;i<16;i++)r[i]=0;return 0}function K(r,t,n,e,o){var i,h=new Uint8Array(32);if(n<32)return-1;if(x(h,0,32,e,o),0!==S(t,16,t,32,n-32,h))return-1;for(M(r,0,t,0,n,e,o),i=0;i<32;i++)r[i]=0;return 0}function Y(r,t){var n;for(n=0;n<16;n++)r[n]=0|t[n]}function L(r){var t,n,e=1;for(t=0;t<16;t++)n=r[t]+e+65535,e=Math.floor(n/65536),r[t]=n-65536*e;r[0]+=e-1+37*(e-1)}function T(r,t,n){for(var e,o=~(n-1),i=0;i<16;i++)e=o&(r[i]^t[i]),r[i]^=e,t[i]^=e}function z(r,t){var n,e,o,i=v(),h=v();for(n=0;n<16;n++)h[n]=t[n];for(L(h),L(h),L(h),e=0;e<2;e++){for(i[0]=h[0]-65517,n=1;n<15;n++)i[n]=h[n]-65535-(i[n-1]>>16&1),i[n-1]&=65535;i[15]=h[15]-32767-(i[14]>>16&1),o=i[15]>>16&1,i[14]&=65535,T(h,i,1-o)}for(n=0;n<16;n++)r[2*n]=255&h[n],r[2*n+1]=h[n]>>8}function R(r,t){var n=new Uint8Array(32),e=new Uint8Array(32);return z(n,r),z(e,t),g(n,0,e,0)}function P(r){var t=new Uint8Array(32);return z(t,r),1&t[0]}function N(r,t){var n;for(n=0;n<16;n++)r[n]=t[2*n]+(t[2*n+1]<<8);r[15]&=32767}function O(r,t,n){for(var e=0;e<16;e++)r[e]=t[e]+n[e]}function C(r,t,n){for(var e=0;e<16;e++)r[e]=t[e]-n[e]}function F(r,t,n){var e,o,i=0,h=0,a=0,f=0,s=0,u=0,c=0,y=0,l=0,w=0,v=0,p=0,b=0,g=0,A=0,_=0,U=0,d=0,E=0,x=0,M=0,m=0,B=0,S=0,k=0,K=0,Y=0,L=0,T=0,z=0,R=0,P=n[0],N=n[1],O=n[2],C=n[3],F=n[4],I=n[5],Z=n[6],G=n[7],q=n[8],D=n[9],V=n[10],X=n[11],j=n[12],H=n[13],J=n[14],Q=n[15];i+=(e=t[0])*P,h+=e*N,a+=e*O,f+=e*C,s+=e*F,u+=e*I,c+=e*Z,y+=e*G,l+=e*q,w+=e*D,v+=e*V,p+=e*X,b+=e*j,g+=e*H,A+=e*J,_+=e*Q,h+=(e=t[1])*P,a+=e*N,f+=e*O,s+=e*C,u+=e*F,c+=e*I,y+=e*Z,l+=e*G,w+=e*q,v+=e*D,p+=e*V,b+=e*X,g+=e*j,A+=e*H,_+=e*J,U+=e*Q,a+=(e=t[2])*P,f+=e*N,s+=e*O,u+=e*C,c+=e*F,y+=e*I,l+=e*Z,w+=e*G,v+=e*q,p+=e*D,b+=e*V,g+=e*X,A+=e*j,_+=e*H,U+=e*J,d+=e*Q,f+=(e=t[3])*P,s+=e*N,u+=e*O,c+=e*C,y+=e*F,l+=e*I,w+=e*Z,v+=e*G,p+=e*q,b+=e*D,g+=e*V,A+=e*X,_+=e*j,U+=e*H,d+=e*J,E+=e*Q,s+=(e=t[4])*P,u+=e*N,c+=e*O,y+=e*C,l+=e*F,w+=e*I,v+=e*Z,p+=e*G,b+=e*q,g+=e*D,A+=e*V,_+=e*X,U+=e*j,d+=e*H,E+=e*J,x+=e*Q,u+=(e=t[5])*P,c+=e*N,y+=e*O,l+=e*C,w+=e*F,v+=e*I,p+=e*Z,b+=e*G,g+=e*q,A+=e*D,_+=e*V,U+=e*X,d+=e*j,E+=e*H,x+=e*J,M+=e*Q,c+=(e=t[6])*P,y+=e*N,l+=e*O,w+=e*C,v+=e*F,p+=e*I,b+=e*Z,g+=e*G,A+=e*q,_+=e*D,U+=e*V,d+=e*X,E+=e*j,x+=e*H,M+=e*J,m+=e*Q,y+=(e=t[7])*P,l+=e*N,w+=e*O,v+=e*C,p+=e*F,b+=e*I,g+=e*Z,A+=e*G,_+=e*q,U+=e*D,d+=e*V,E+=e*X,x+=e*j,M+=e*H,m+=e*J,B+=e*Q,l+=(e=t[8])*P,w+=e*N,v+=e*O,p+=e*C,b+=e*F,g+=e*I,A+=e*Z,_+=e*G,U+=e*q,d+=e*D,E+=e*V,x+=e*X,M+=e*j,m+=e*H,B+=e*J,S+=e*Q,w+=(e=t[9])*P,v+=e*N,p+=e*O,b+=e*C,g+=e*F,A+=e*I,_+=e*Z,U+=e*G,d+=e*q,E+=e*D,x+=e*V,M+=e*X,m+=e*j,B+=e*H,S+=e*J,k+=e*Q,v+=(e=t[10])*P,p+=e*N,b+=e*O,g+=e*C,A+=e*F,_+=e*I,U+=e*Z,d+=e*G,E+=e*q,x+=e*D,M+=e*V,m+=e*X,B+=e*j,S+=e*H,k+=e*J,K+=e*Q,p+=(e=t[11])*P,b+=e*N,g+=e*O,A+=e*C,_+=e*F,U+=e*I,d+=e*Z,E+=e*G,x+=e*q,M+=e*D,m+=e*V,B+=e*X,S+=e*j,k+=e*H,K+=e*J,Y+=e*Q,b+=(e=t[12])*P,g+=e*N,A+=e*O,_+=e*C,U+=e*F,d+=e*I,E+=e*Z,x+=e*G,M+=e*q,m+=e*D,B+=e*V,S+=e*X,k+=e*j,K+=e*H,Y+=e*J,L+=e*Q,g+=(e=t[13])*P,A+=e*N,_+=e*O,U+=e*C,d+=e*F,E+=e*I,x+=e*Z,M+=e*G,m+=e*q,B+=e*D,S+=e*V,k+=e*X,K+=e*j,Y+=e*H,L+=e*J,T+=e*Q,A+=(e=t[14])*P,_+=e*N,U+=e*O,d+=e*C,E+=e*F,x+=e*I,M+=e*Z,m+=e*G,B+=e*q,S+=e*D,k+=e*V,K+=e*X,Y+=e*j,L+=e*H,T+=e*J,z+=e*Q,_+=(e=t[15])*P,h+=38*(d+=e*O),a+=38*(E+=e*C),f+=38*(x+=e*F),s+=38*(M+=e*I),u+=38*(m+=e*Z),c+=38*(B+=e*G),y+=38*(S+=e*q),l+=38*(k+=e*D),w+=38*(K+=e*V),v+=38*(Y+=e*X),p+=38*(L+=e*j),b+=38*(T+=e*H),g+=38*(z+=e*J),A+=38*(R+=e*Q),i=(e=(i+=38*(U+=e*N))+(o=1)+65535)-65536*(o=Math.floor(e/65536)),h=(e=h+o+65535)-65536*(o=Math.floor(e/65536)),a=(e=a+o+65535)-65536*(o=Math.floor(e/65536)),f=(e=f+o+65535)-65536*(o=Math.floor(e/65536)),s=(e=s+o+65535)-65536*(o=Math.floor(e/65536)),u=(e=u+o+65535)-65536*(o=Math.floor(e/65536)),c=(e=c+o+65535)-65536*(o=Math.floor(e/65536)),y=(e=y+o+65535)-65536*(o=Math.floor(e/65536)),l=(e=l+o+65535)-65536*(o=Math.floor(e/65536)),w=(e=w+o+65535)-65536*(o=Math.floor(e/65536)),v=(e=v+o+65535)-65536*(o=Math.floor(e/65536)),p=(e=p+o+65535)-65536*(o=Math.floor(e/65536)),b=(e=b+o+65535)-65536*(o=Math.floor(e/65536)),g=(e=g+o+65535)-65536*(o=Math.floor(e/65536)),A=(e=A+o+65535)-65536*(o=Math.floor(e/65536)),_=(e=_+o+65535)-65536*(o=Math.floor(e/65536)),i=(e=(i+=o-1+37*(o-1))+(o=1)+65535)-65536*(o=Math.floor(e/65536)),h=(e=h+o+65535)-65536*(o=Math.floor(e/65536)),a=(e=a+o+65535)-65536*(o=Math.floor(e/65536)),f=(e=f+o+65535)-65536*(o=Math.floor(e/65536)),s=(e=s+o+65535)-65536*(o=Math.floor(e/65536)),u=(e=u+o+65535)-65536*(o=Math.floor(e/65536)),c=(e=c+o+65535)-65536*(o=Math.floor(e/65536)),y=(e=y+o+65535)-65536*(o=Math.floor(e/65536)),l=(e=l+o+65535)-65536*(o=Math.floor(e/65536)),w=(e=w+o+65535)-65536*(o=Math.floor(e/65536)),v=(e=v+o+65535)-65536*(o=Math.floor(e/65536)),p=(e=p+o+65535)-65536*(o=Math.floor(e/65536)),b=(e=b+o+65535)-65536*(o=Math.floor(e/65536)),g=(e=g+o+65535)-65536*(o=Math.floor(e/65536)),A=(e=A+o+65535)-65536*(o=Math.floor(e/65536)),_=(e=_+o+65535)-65536*(o=Math.floor(e/65536)),i+=o-1+37*(o-1),r[0]=i,r[1]=h,r[2]=a,r[3]=f,r[4]=s,r[5]=u,r[6]=c,r[7]=y,r[8]=l,r[9]=w,r[10]=v,r[11]=p,r[12]=b,r[13]=g,r[14]=A,r[15]=_}function I(r,t){F(r,t,t)}function Z(r,t){var n,e=v();for(n=0;n<16;n++)e[n]=t[n];for(n=253;0<=n;n--)I(e,e),2!==n&&4!==n&&F(e,e,t);for(n=0;n<16;n++)r[n]=e[n]}function G(r,t){var n,e=v();for(n=0;n<16;n++)e[n]=t[n];for(n=250;0<=n;n--)I(e,e),1!==n&&F(e,e,t);for(n=0;n<16;n++)r[n]=e[n]}function q(r,t,n){var e,o,i=new Uint8Array(32),h=new Float64Array(80),a=v(),f=v(),s=v(),u=v(),c=v(),y=v();for(o=0;o<31;o++)i[o]=t[o];for(i[31]=127&t[31]|64,i[0]&=248,N(h,n),o=0;o<16;o++)f[o]=h[o],u[o]=a[o]=s[o]=0;for(a[0]=u[0]=1,o=254;0<=o;--o)T(a,f,e=i[o>>>3]>>>(7&o)&1),T(s,u,e),O(c,a,s),C(a,a,s),O(s,f,u),C(f,f,u),I(u,c),I(y,a),F(a,s,a),F(s,f,c),O(c,a,s),C(a,a,s),I(f,a),C(s,u,y),F(a,s,p),O(a,a,u),F(s,s,a),F(a,u,y),F(u,f,h),I(f,c),T(a,f,e),T(s,u,e);for(o=0;o<16;o++)h[o+16]=a[o],h[o+32]=s[o],h[o+48]=f[o],h[o+64]=u[o];var l=h.subarray(32),w=h.subarray(16);return Z(l,l),F(w,w,l),z(r,w),0}function D(r,t){return q(r,t,n)}function V(r,t){return h(t,32),D(r,t)}function X(r,t,n){var e=new Uint8Array(32);return q(e,n,t),_(r,o,e,U)}m.prototype.blocks=function(r,t,n){for(var e,o,i,h,a,f,s,u,c,y,l,w,v,p,b,g,A,_,U,d=this.fin?0:2048,E=this.h[0],x=this.h[1],M=this.h[2],m=this.h[3],B=this.h[4],S=this.h[5],k=this.h[6],K=this.h[7],Y=this.h[8],L=this.h[9],T=this.r[0],z=this.r[1],R=this.r[2],P=this.r[3],N=this.r[4],O=this.r[5],C=this.r[6],F=this.r[7],I=this.r[8],Z=this.r[9];16<=n;)y=c=0,y+=(E+=8191&(e=255&r[t+0]|(255&r[t+1])<<8))*T,y+=(x+=8191&(e>>>13|(o=255&r[t+2]|(255&r[t+3])<<8)<<3))*(5*Z),y+=(M+=8191&(o>>>10|(i=255&r[t+4]|(255&r[t+5])<<8)<<6))*(5*I),y+=(m+=8191&(i>>>7|(h=255&r[t+6]|(255&r[t+7])<<8)<<9))*(5*F),c=(y+=(B+=8191&(h>>>4|(a=255&r[t+8]|(255&r[t+9])<<8)<<12))*(5*C))>>>13,y&=8191,y+=(S+=a>>>1&8191)*(5*O),y+=(k+=8191&(a>>>14|(f=255&r[t+10]|(255&r[t+11])<<8)<<2))*(5*N),y+=(K+=8191&(f>>>11|(s=255&r[t+12]|(255&r[t+13])<<8)<<5))*(5*P),y+=(Y+=8191&(s>>>8|(u=255&r[t+14]|(255&r[t+15])<<8)<<8))*(5*R),l=c+=(y+=(L+=u>>>5|d)*(5*z))>>>13,l+=E*z,l+=x*T,l+=M*(5*Z),l+=m*(5*I),c=(l+=B*(5*F))>>>13,l&=8191,l+=S*(5*C),l+=k*(5*O),l+=K*(5*N),l+=Y*(5*P),c+=(l+=L*(5*R))>>>13,l&=8191,w=c,w+=E*R,w+=x*z,w+=M*T,w+=m*(5*Z),c=(w+=B*(5*I))>>>13,w&=8191,w+=S*(5*F),w+=k*(5*C),w+=K*(5*O),w+=Y*(5*N),v=c+=(w+=L*(5*P))>>>13,v+=E*P,v+=x*R,v+=M*z,v+=m*T,c=(v+=B*(5*Z))>>>13,v&=8191,v+=S*(5*I),v+=k*(5*F),v+=K*(5*C),v+=Y*(5*O),p=c+=(v+=L*(5*N))>>>13,p+=E*N,p+=x*P,p+=M*R,p+=m*z,c=(p+=B*T)>>>13,p&=8191,p+=S*(5*Z),p+=k*(5*I),p+=K*(5*F),p+=Y*(5*C),b=c+=(p+=L*(5*O))>>>13,b+=E*O,b+=x*N,b+=M*P,b+=m*R,c=(b+=B*z)>>>13,b&=8191,b+=S*T,b+=k*(5*Z),b+=K*(5*I),b+=Y*(5*F),g=c+=(b+=L*(5*C))>>>13,g+=E*C,g+=x*O,g+=M*N,g+=m*P,c=(g+=B*R)>>>13,g&=8191,g+=S*z,g+=k*T,g+=K*(5*Z),g+=Y*(5*I),A=c+=(g+=L*(5*F))>>>13,A+=E*F,A+=x*C,A+=M*O,A+=m*N,c=(A+=B*P)>>>13,A&=8191,A+=S*R,A+=k*z,A+=K*T,A+=Y*(5*Z),_=c+=(A+=L*(5*I))>>>13,_+=E*I,_+=x*F,_+=M*C,_+=m*O,c=(_+=B*N)>>>13,_&=8191,_+=S*P,_+=k*R,_+=K*z,_+=Y*T,U=c+=(_+=L*(5*Z))>>>13,U+=E*Z,U+=x*I,U+=M*F,U+=m*C,c=(U+=B*O)>>>13,U&=8191,U+=S*N,U+=k*P,U+=K*R,U+=Y*z,E=y=8191&(c=(c=((c+=(U+=L*T)>>>13)<<2)+c|0)+(y&=8191)|0),x=l+=c>>>=13,M=w&=8191,m=v&=8191,B=p&=8191,S=b&=8191,k=g&=8191,K=A&=8191,Y=_&=8191,L=U&=8191,t+=16,n-=16;this.h[0]=E,this.h[1]=x,this.h[2]=M,this.h[3]=m,this.h[4]=B,this.h[5]=S,this.h[6]=k,this.h[7]=K,this.h[8]=Y,this.h[9]=L},m.prototype.finish=function(r,t){var n,e,o,i,h=new Uint16Array(10);if(this.leftover){for(i=this.leftover,this.buffer[i++]=1;i<16;i++)this.buffer[i]=0;this.fin=1,this.blocks(this.buffer,0,16)}for(n=this.h[1]>>>13,this.h[1]&=8191,i=2;i<10;i++)this.h[i]+=n,n=this.h[i]>>>13,this.h[i]&=8191;for(this.h[0]+=5*n,n=this.h[0]>>>13,this.h[0]&=8191,this.h[1]+=n,n=this.h[1]>>>13,this.h[1]&=8191,this.h[2]+=n,h[0]=this.h[0]+5,n=h[0]>>>13,h[0]&=8191,i=1;i<10;i++)h[i]=this.h[i]+n,n=h[i]>>>13,h[i]&=8191;for(h[9]-=8192,e=(1^n)-1,i=0;i<10;i++)h[i]&=e;for(e=~e,i=0;i<10;i++)this.h[i]=this.h[i]&e|h[i];for(this.h[0]=65535&(this.h[0]|this.h[1]<<13),this.h[1]=65535&(this.h[1]>>>3|this.h[2]<<10),this.h[2]=65535&(this.h[2]>>>6|this.h[3]<<7),this.h[3]=65535&(this.h[3]>>>9|this.h[4]<<4),this.h[4]=65535&(this.h[4]>>>12|this.h[5]<<1|this.h[6]<<14),this.h[5]=65535&(this.h[6]>>>2|this.h[7]<<11),this.h[6]=65535&(this.h[7]>>>5|this.h[8]<<8),this.h[7]=65535&(this.h[8]>>>8|this.h[9]<<5),o=this.h[0]+this.pad[0],this.h[0]=65535&o,i=1;i<8;i++)o=(this.h[i]+this.pad[i]|0)+(o>>>16)|0,this.h[i]=65535&o;r[t+0]=this.h[0]>>>0&255,r[t+1]=this.h[0]>>>8&255,r[t+2]=this.h[1]>>>0&255,r[t+3]=this.h[1]>>>8&255,r[t+4]=this.h[2]>>>0&255,r[t+5]=this.h[2]>>>8&255,r[t+6]=this.h[3]>>>0&255,r[t+7]=this.h[3]>>>8&255,r[t+8]=this.h[4]>>>0&255,r[t+9]=this.h[4]>>>8&255,r[t+10]=this.h[5]>>>0&255,r[t+11]=this.h[5]>>>8&255,r[t+12]=this.h[6]>>>0&255,r[t+13]=this.h[6]>>>8&255,r[t+14]=this.h[7]>>>0&255,r[t+15]=this.h[7]>>>8&255},m.prototype.update=function(r,t,n){var e,o;if(this.leftover){for(n<(o=16-this.leftover)&&(o=n),e=0;e<o;e++)this.buffer[this.leftover+e]=r[t+e];if(n-=o,t+=o,this.leftover+=o,this.leftover<16)return;this.blocks(this.buffer,0,16),this.leftover=0}if(16<=n&&(o=n-n%16,this.blocks(r,t,o),t+=o,n-=o),n){for(e=0;e<n;e++)this.buffer[this.leftover+e]=r[t+e];this.leftover+=n}};var j=k,H=K;var J=[1116352408,3609767458,1899447441,602891725,3049323471,3964484399,3921009573,2173295548,961987163,4081628472,1508970993,3053834265,2453635748,2937671579,2870763221,3664609560,3624381080,2734883394,310598401,1164996542,607225278,1323610764,1426881987,3590304994,1925078388,4068182383,2162078206,991336113,2614888103,633803317,3248222580,3479774868,3835390401,2666613458,4022224774,944711139,264347078,2341262773,604807628,2007800933,770255983,1495990901,1249150122,1856431235,1555081692,3175218132,1996064986,2198950837,2554220882,3999719339,2821834349,766784016,2952996808,2566594879,3210313671,3203337956,3336571891,1034457026,3584528711,2466948901,113926993,3758326383,338241895,168717936,666307205,1188179964,773529912,1546045734,1294757372,1522805485,1396182291,2643833823,1695183700,2343527390,1986661051,1014477480,2177026350,1206759142,2456956037,344077627,2730485921,1290863460,2820302411,3158454273,3259730800,3505952657,3345764771,106217008,3516065817,3606008344,3600352804,1432725776,4094571909,1467031594,275423344,851169720,430227734,3100823752,506948616,1363258195,659060556,3750685593,883997877,3785050280,958139571,3318307427,1322822218,3812723403,1537002063,2003034995,1747873779,3602036899,1955562222,1575990012,2024104815,1125592928,2227730452,2716904306,2361852424,442776044,2428436474,593698344,2756734187,3733110249,3204031479,2999351573,3329325298,3815920427,3391569614,3928383900,3515267271,566280711,3940187606,3454069534,4118630271,4000239992,116418474,1914138554,174292421,2731055270,289380356,3203993006,460393269,320620315,685471733,587496836,852142971,1086792851,1017036298,365543100,1126000580,2618297676,1288033470,3409855158,1501505948,4234509866,1607167915,987167468,1816402316,1246189591];function Q(r,t,n,e){for(var o,i,h,a,f,s,u,c,y,l,w,v,p,b,g,A,_,U,d,E,x,M,m,B,S=new Int32Array(16),k=new Int32Array(16),K=r[0],Y=r[1],L=r[2],T=r[3],z=r[4],R=r[5],P=r[6],N=r[7],O=t[0],C=t[1],F=t[2],I=t[3],Z=t[4],G=t[5],q=t[6],D=t[7],V=0;128<=e;){for(_=0;_<16;_++)U=8*_+V,S[_]=n[U+0]<<24|n[U+1]<<16|n[U+2]<<8|n[U+3],k[_]=n[U+4]<<24|n[U+5]<<16|n[U+6]<<8|n[U+7];for(_=0;_<80;_++)if(o=Y,i=L,h=T,c=C,y=F,l=I,x=65535&(E=D),M=E>>>16,m=65535&(d=N),B=d>>>16,x+=65535&(E=((w=Z)>>>14|(a=z)<<18)^(Z>>>18|z<<14)^(z>>>9|Z<<23)),M+=E>>>16,m+=65535&(d=(z>>>14|Z<<18)^(z>>>18|Z<<14)^(Z>>>9|z<<23)),B+=d>>>16,x+=65535&(E=Z&(v=G)^~Z&(p=q)),M+=E>>>16,m+=65535&(d=z&(f=R)^~z&(s=P)),B+=d>>>16,d=J[2*_],x+=65535&(E=J[2*_+1]),M+=E>>>16,m+=65535&d,B+=d>>>16,d=S[_%16],M+=(E=k[_%16])>>>16,m+=65535&d,B+=d>>>16,m+=(M+=(x+=65535&E)>>>16)>>>16,x=65535&(E=A=65535&x|M<<16),M=E>>>16,m=65535&(d=g=65535&m|(B+=m>>>16)<<16),B=d>>>16,x+=65535&(E=(O>>>28|K<<4)^(K>>>2|O<<30)^(K>>>7|O<<25)),M+=E>>>16,m+=65535&(d=(K>>>28|O<<4)^(O>>>2|K<<30)^(O>>>7|K<<25)),B+=d>>>16,M+=(E=O&C^O&F^C&F)>>>16,m+=65535&(d=K&Y^K&L^Y&L),B+=d>>>16,u=65535&(m+=(M+=(x+=65535&E)>>>16)>>>16)|(B+=m>>>16)<<16,b=65535&x|M<<16,x=65535&(E=l),M=E>>>16,m=65535&(d=h),B=d>>>16,M+=(E=A)>>>16,m+=65535&(d=g),B+=d>>>16,Y=K,L=o,T=i,z=h=65535&(m+=(M+=(x+=65535&E)>>>16)>>>16)|(B+=m>>>16)<<16,R=a,P=f,N=s,K=u,C=O,F=c,I=y,Z=l=65535&x|M<<16,G=w,q=v,D=p,O=b,_%16==15)for(U=0;U<16;U++)d=S[U],x=65535&(E=k[U]),M=E>>>16,m=65535&d,B=d>>>16,d=S[(U+9)%16],x+=65535&(E=k[(U+9)%16]),M+=E>>>16,m+=65535&d,B+=d>>>16,g=S[(U+1)%16],x+=65535&(E=((A=k[(U+1)%16])>>>1|g<<31)^(A>>>8|g<<24)^(A>>>7|g<<25)),M+=E>>>16,m+=65535&(d=(g>>>1|A<<31)^(g>>>8|A<<24)^g>>>7),B+=d>>>16,g=S[(U+14)%16],M+=(E=((A=k[(U+14)%16])>>>19|g<<13)^(g>>>29|A<<3)^(A>>>6|g<<26))>>>16,m+=65535&(d=(g>>>19|A<<13)^(A>>>29|g<<3)^g>>>6),B+=d>>>16,B+=(m+=(M+=(x+=65535&E)>>>16)>>>16)>>>16,S[U]=65535&m|B<<16,k[U]=65535&x|M<<16;x=65535&(E=O),M=E>>>16,m=65535&(d=K),B=d>>>16,d=r[0],M+=(E=t[0])>>>16,m+=65535&d,B+=d>>>16,B+=(m+=(M+=(x+=65535&E)>>>16)>>>16)>>>16,r[0]=K=65535&m|B<<16,t[0]=O=65535&x|M<<16,x=65535&(E=C),M=E>>>16,m=65535&(d=Y),B=d>>>16,d=r[1],M+=(E=t[1])>>>16,m+=65535&d,B+=d>>>16,B+=(m+=(M+=(x+=65535&E)>>>16)>>>16)>>>16,r[1]=Y=65535&m|B<<16,t[1]=C=65535&x|M<<16,x=65535&(E=F),M=E>>>16,m=65535&(d=L),B=d>>>16,d=r[2],M+=(E=t[2])>>>16,m+=65535&d,B+=d>>>16,B+=(m+=(M+=(x+=65535&E)>>>16)>>>16)>>>16,r[2]=L=65535&m|B<<16,t[2]=F=65535&x|M<<16,x=65535&(E=I),M=E>>>16,m=65535&(d=T),B=d>>>16,d=r[3],M+=(E=t[3])>>>16,m+=65535&d,B+=d>>>16,B+=(m+=(M+=(x+=65535&E)>>>16)>>>16)>>>16,r[3]=T=65535&m|B<<16,t[3]=I=65535&x|M<<16,x=65535&(E=Z),M=E>>>16,m=65535&(d=z),B=d>>>16,d=r[4],M+=(E=t[4])>>>16,m+=65535&d,B+=d>>>16,B+=(m+=(M+=(x+=65535&E)>>>16)>>>16)>>>16,r[4]=z=65535&m|B<<16,t[4]=Z=65535&x|M<<16,x=65535&(E=G),M=E>>>16,m=65535&(d=R),B=d>>>16,d=r[5],M+=(E=t[5])>>>16,m+=65535&d,B+=d>>>16,B+=(m+=(M+=(x+=65535&E)>>>16)>>>16)>>>16,r[5]=R=65535&m|B<<16,t[5]=G=65535&x|M<<16,x=65535&(E=q),M=E>>>16,m=65535&(d=P),B=d>>>16,d=r[6],M+=(E=t[6])>>>16,m+=65535&d,B+=d>>>16,B+=(m+=(M+=(x+=65535&E)>>>16)>>>16)>>>16,r[6]=P=65535&m|B<<16,t[6]=q=65535&x|M<<16,x=65535&(E=D),M=E>>>16,m=65535&(d=N),B=d>>>16,d=r[7],M+=(E=t[7])>>>16,m+=65535&d,B+=d>>>16,B+=(m+=(M+=(x+=65535&E)>>>16)>>>16)>>>16,r[7]=N=65535&m|B<<16,t[7]=D=65535&x|M<<16,V+=128,e-=128}return e}function W(r,t,n){var e,o=new Int32Array(8),i=new Int32Array(8),h=new Uint8Array(256),a=n;for(o[0]=1779033703,o[1]=3144134277,o[2]=1013904242,o[3]=2773480762,o[4]=1359893119,o[5]=2600822924,o[6]=528734635,o[7]=1541459225,i[0]=4089235720,i[1]=2227873595,i[2]=4271175723,i[3]=1595750129,i[4]=2917565137,i[5]=725511199,i[6]=4215389547,i[7]=327033209,Q(o,i,t,n),n%=128,e=0;e<n;e++)h[e]=t[a-n+e];for(h[n]=128,h[(n=256-128*(n<112?1:0))-9]=0,f(h,n-8,a/536870912|0,a<<3),Q(o,i,h,n),e=0;e<8;e++)f(r,8*e,o[e],i[e]);return 0}function $(r,t){var n=v(),e=v(),o=v(),i=v(),h=v(),a=v(),f=v(),s=v(),u=v();C(n,r[1],r[0]),C(u,t[1],t[0]),F(n,n,u),O(e,r[0],r[1]),O(u,t[0],t[1]),F(e,e,u),F(o,r[3],t[3]),F(o,o,y),F(i,r[2],t[2]),O(i,i,i),C(h,e,n),C(a,i,o),O(f,i,o),O(s,e,n),F(r[0],h,a),F(r[1],s,f),F(r[2],f,a),F(r[3],h,s)}function rr(r,t,n){var e;for(e=0;e<4;e++)T(r[e],t[e],n)}function tr(r,t){var n=v(),e=v(),o=v();Z(o,t[2]),F(n,t[0],o),F(e,t[1],o),z(r,e),r[31]^=P(n)<<7}function nr(r,t,n){var e,o;for(Y(r[0],s),Y(r[1],u),Y(r[2],u),Y(r[3],s),o=255;0<=o;--o)rr(r,t,e=n[o/8|0]>>(7&o)&1),$(t,r),$(r,r),rr(r,t,e)}function er(r,t){var n=[v(),v(),v(),v()];Y(n[0],e),Y(n[1],a),Y(n[2],u),F(n[3],e,a),nr(r,n,t)}function or(r,t,n){var e,o=new Uint8Array(64),i=[v(),v(),v(),v()];for(n||h(t,32),W(o,t,32),o[0]&=248,o[31]&=127,o[31]|=64,er(i,o),tr(r,i),e=0;e<32;e++)t[e+32]=r[e];return 0}var ir=new Float64Array([237,211,245,92,26,99,18,88,214,156,247,162,222,249,222,20,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,16]);function hr(r,t){var n,e,o,i;for(e=63;32<=e;--e){for(n=0,o=e-32,i=e-12;o<i;++o)t[o]+=n-16*t[e]*ir[o-(e-32)],n=Math.floor((t[o]+128)/256),t[o]-=256*n;t[o]+=n,t[e]=0}for(o=n=0;o<32;o++)t[o]+=n-(t[31]>>4)*ir[o],n=t[o]>>8,t[o]&=255;for(o=0;o<32;o++)t[o]-=n*ir[o];for(e=0;e<32;e++)t[e+1]+=t[e]>>8,r[e]=255&t[e]}function ar(r){var t,n=new Float64Array(64);for(t=0;t<64;t++)n[t]=r[t];for(t=0;t<64;t++)r[t]=0;hr(r,n)}function fr(r,t,n,e){var o,i,h=new Uint8Array(64),a=new Uint8Array(64),f=new Uint8Array(64),s=new Float64Array(64),u=[v(),v(),v(),v()];W(h,e,32),h[0]&=248,h[31]&=127,h[31]|=64;var c=n+64;for(o=0;o<n;o++)r[64+o]=t[o];for(o=0;o<32;o++)r[32+o]=h[32+o];for(W(f,r.subarray(32),n+32),ar(f),er(u,f),tr(r,u),o=32;o<64;o++)r[o]=e[o];for(W(a,r,n+64),ar(a),o=0;o<64;o++)s[o]=0;for(o=0;o<32;o++)s[o]=f[o];for(o=0;o<32;o++)for(i=0;i<32;i++)s[o+i]+=a[o]*h[i];return hr(r.subarray(32),s),c}function sr(r,t,n,e){var o,i=new Uint8Array(32),h=new Uint8Array(64),a=[v(),v(),v(),v()],f=[v(),v(),v(),v()];if(n<64)return-1;if(function(r,t){var n=v(),e=v(),o=v(),i=v(),h=v(),a=v(),f=v();if(Y(r[2],u),N(r[1],t),I(o,r[1]),F(i,o,c),C(o,o,r[2]),O(i,r[2],i),I(h,i),I(a,h),F(f,a,h),F(n,f,o),F(n,n,i),G(n,n),F(n,n,o),F(n,n,i),F(n,n,i),F(r[0],n,i),I(e,r[0]),F(e,e,i),R(e,o)&&F(r[0],r[0],l),I(e,r[0]),F(e,e,i),R(e,o))return 1;P(r[0])===t[31]>>7&&C(r[0],s,r[0]),F(r[3],r[0],r[1])}(f,e))return-1;for(o=0;o<n;o++)r[o]=t[o];for(o=0;o<32;o++)r[o+32]=e[o];if(W(h,r,n),ar(h),nr(a,f,h),er(f,t.subarray(32)),$(a,f),tr(i,a),n-=64,g(t,0,i,0)){for(o=0;o<n;o++)r[o]=0;return-1}for(o=0;o<n;o++)r[o]=t[o+64];return n}function ur(r,t){if(32!==r.length)throw new Error("bad key size");if(24!==t.length)throw new Error("bad nonce size")}function cr(){for(var r=0;r<arguments.length;r++)if(!(arguments[r]instanceof Uint8Array))throw new TypeError("unexpected type, use Uint8Array")}function yr(r){for(var t=0;t<r.length;t++)r[t]=0}i.lowlevel={crypto_core_hsalsa20:_,crypto_stream_xor:M,crypto_stream:x,crypto_stream_salsa20_xor:d,crypto_stream_salsa20:E,crypto_onetimeauth:B,crypto_onetimeauth_verify:S,crypto_verify_16:b,crypto_verify_32:g,crypto_secretbox:k,crypto_secretbox_open:K,crypto_scalarmult:q,crypto_scalarmult_base:D,crypto_box_beforenm:X,crypto_box_afternm:j,crypto_box:function(r,t,n,e,o,i){var h=new Uint8Array(32);return X(h,o,i),j(r,t,n,e,h)},crypto_box_open:function(r,t,n,e,o,i){var h=new Uint8Array(32);return X(h,o,i),H(r,t,n,e,h)},crypto_box_keypair:V,crypto_hash:W,crypto_sign:fr,crypto_sign_keypair:or,crypto_sign_open:sr,crypto_secretbox_KEYBYTES:32,crypto_secretbox_NONCEBYTES:24,crypto_secretbox_ZEROBYTES:32,crypto_secretbox_BOXZEROBYTES:16,crypto_scalarmult_BYTES:32,crypto_scalarmult_SCALARBYTES:32,crypto_box_PUBLICKEYBYTES:32,crypto_box_SECRETKEYBYTES:32,crypto_box_BEFORENMBYTES:32,crypto_box_NONCEBYTES:24,crypto_box_ZEROBYTES:32,crypto_box_BOXZEROBYTES:16,crypto_sign_BYTES:64,crypto_sign_PUBLICKEYBYTES:32,crypto_sign_SECRETKEYBYTES:64,crypto_sign_SEEDBYTES:32,crypto_hash_BYTES:64,gf:v,D:c,L:ir,pack25519:z,unpack25519:N,M:F,A:O,S:I,Z:C,pow2523:G,add:$,set25519:Y,modL:hr,scalarmult:nr,scalarbase:er},i.randomBytes=function(r){var t=new Uint8Array(r);return h(t,r),t},i.secretbox=function(r,t,n){cr(r,t,n),ur(n,t);for(var e=new Uint8Array(32+r.length),o=new Uint8Array(e.length),i=0;i<r.length;i++)e[i+32]=r[i];return k(o,e,e.length,t,n),o.subarray(16)},i.secretbox.open=function(r,t,n){cr(r,t,n),ur(n,t);for(var e=new Uint8Array(16+r.length),o=new Uint8Array(e.length),i=0;i<r.length;i++)e[i+16]=r[i];return e.length<32||0!==K(o,e,e.length,t,n)?null:o.subarray(32)},i.secretbox.keyLength=32,i.secretbox.nonceLength=24,i.secretbox.overheadLength=16,i.scalarMult=function(r,t){if(cr(r,t),32!==r.length)throw new Error("bad n size");if(32!==t.length)throw new Error("bad p size");var n=new Uint8Array(32);return q(n,r,t),n},i.scalarMult.base=function(r){if(cr(r),32!==r.length)throw new Error("bad n size");var t=new Uint8Array(32);return D(t,r),t},i.scalarMult.scalarLength=32,i.scalarMult.groupElementLength=32,i.box=function(r,t,n,e){var o=i.box.before(n,e);return i.secretbox(r,t,o)},i.box.before=function(r,t){cr(r,t),function(r,t){if(32!==r.length)throw new Error("bad public key size");if(32!==t.length)throw new Error("bad secret key size")}(r,t);var n=new Uint8Array(32);return X(n,r,t),n},i.box.after=i.secretbox,i.box.open=function(r,t,n,e){var o=i.box.before(n,e);return i.secretbox.open(r,t,o)},i.box.open.after=i.secretbox.open,i.box.keyPair=function(){var r=new Uint8Array(32),t=new Uint8Array(32);return V(r,t),{publicKey:r,secretKey:t}},i.box.keyPair.fromSecretKey=function(r){if(cr(r),32!==r.length)throw new Error("bad secret key size");var t=new Uint8Array(32);return D(t,r),{publicKey:t,secretKey:new Uint8Array(r)}},i.box.publicKeyLength=32,i.box.secretKeyLength=32,i.box.sharedKeyLength=32,i.box.nonceLength=24,i.box.overheadLength=i.secretbox.overheadLength,i.sign=function(r,t){if(cr(r,t),64!==t.length)throw new Error("bad secret key size");var n=new Uint8Array(64+r.length);return fr(n,r,r.length,t),n},i.sign.open=function(r,t){if(cr(r,t),32!==t.length)throw new Error("bad public key size");var n=new Uint8Array(r.length),e=sr(n,r,r.length,t);if(e<0)return null;for(var o=new Uint8Array(e),i=0;i<o.length;i++)o[i]=n[i];return o},i.sign.detached=function(r,t){for(var n=i.sign(r,t),e=new Uint8Array(64),o=0;o<e.length;o++)e[o]=n[o];return e},i.sign.detached.verify=function(r,t,n){if(cr(r,t,n),64!==t.length)throw new Error("bad signature size");if(32!==n.length)throw new Error("bad public key size");var e,o=new Uint8Array(64+r.length),i=new Uint8Array(64+r.length);for(e=0;e<64;e++)o[e]=t[e];for(e=0;e<r.length;e++)o[e+64]=r[e];return 0<=sr(i,o,o.length,n)},i.sign.keyPair=function(){var r=new Uint8Array(32),t=new Uint8Array(64);return or(r,t),{publicKey:r,secretKey:t}},i.sign.keyPair.fromSecretKey=function(r){if(cr(r),64!==r.length)throw new Error("bad secret key size");for(var t=new Uint8Array(32),n=0;n<t.length;n++)t[n]=r[32+n];return{publicKey:t,secretKey:new Uint8Array(r)}},i.sign.keyPair.fromSeed=function(r){if(cr(r),32!==r.length)throw new Error("bad seed size");for(var t=new Uint8Array(32),n=new Uint8Array(64),e=0;e<32;e++)n[e]=r[e];return or(t,n,!0),{publicKey:t,secretKey:n}},i.sign.publicKeyLength=32,i.sign.secretKeyLength=64,i.sign.seedLength=32,i.sign.signatureLength=64,i.hash=function(r){cr(r);var t=new Uint8Array(64);return W(t,r,r.length),t},i.hash.hashLength=64,i.verify=function(r,t){return cr(r,t),0!==r.length&&0!==t.length&&(r.length===t.length&&0===w(r,0,t,0,r.length))},i.setPRNG=function(r){h=r},function(){var o="undefined"!=typeof self?self.crypto||self.msCrypto:null;if(o&&o.getRandomValues){i.setPRNG(function(r,t){var n,e=new Uint8Array(t);for(n=0;n<t;n+=65536)o.getRandomValues(e.subarray(n,n+Math.min(t-n,65536)));for(n=0;n<t;n++)r[n]=e[n];yr(e)})}else"undefined"!=typeof require&&(o=require("crypto"))&&o.randomBytes&&i.setPRNG(function(r,t){var n,e=o.randomBytes(t);for(n=0;n<t;n++)r[n]=e[n];yr(e)})}()}("undefined"!=typeof module&&module.exports?module.exports:self.nacl=self.nacl||{});
return module.exports;
})({ exports: {} });

// launcher-error.ts
/** Ends the launcher with one line for people. */
class LauncherError extends Error {
    name = 'LauncherError';
}

// port-range.ts
/** `low..high`; undefined, any port, when empty or when both ends are equal. Errors: {@link LauncherError}. */
function parsePortRange(text, env) {
    if (text.trim() === '')
        return undefined;
    const [, lowText, highText] = /^\s*(\d{1,5})\s*\.\.\s*(\d{1,5})\s*$/.exec(text) ?? [];
    const range = { low: Number(lowText), high: Number(highText) };
    if (lowText === undefined)
        throw new LauncherError(`--port-range '${text}' is not two numbers as in 40000..42000`);
    if (range.low === range.high)
        return undefined;
    const minSize = minimumSize(env);
    if (range.high - range.low < minSize) {
        const message = `--port-range '${text}' must hold at least ${String(minSize)} ports (GP_MIN_PORT_RANGE_SIZE)`;
        throw new LauncherError(message);
    }
    if (range.low >= 1024 && range.high <= 65_535)
        return range;
    throw new LauncherError(`--port-range '${text}' leaves 1024..65535`);
}
function minimumSize(env) {
    for (const name of ['GP_MIN_PORT_RANGE_SIZE', 'MIN_PORT_RANGE_SIZE', 'EG_MIN_PORT_RANGE_SIZE']) {
        const text = env[name] ?? '';
        if (/^\d{1,5}$/.test(text))
            return Number(text);
        if (text !== '')
            throw new LauncherError(`${name} is '${text}'; it must be a number of ports`);
    }
    return 1000;
}

// transport-encryption.ts
/** Kernels of any kind are started here; which of them would apply CurveZMQ keys is not known, so none are made. */
function readTransportEncryption(text = '') {
    const mode = text.trim().toLowerCase();
    if (mode === 'required') {
        throw new LauncherError("Transport encryption is 'required' but cannot be applied: this launcher does not know whether its kernel encrypts");
    }
    if (mode === '' || mode === 'disabled' || mode === 'auto' || /^\{.*\}$/.test(mode))
        return;
    throw new LauncherError(`--transport-encryption is '${text}'; it must be disabled, auto or required`);
}

// options.ts
const USAGE = `Usage: launch_kernel.mjs [options] -- command {connection_file} ...

Starts a Jupyter kernel, tells a gateway how to reach it, and takes the gateway's orders for it.

  --kernel-id ID              the kernel's id
  --response-address HOST:PORT  where the gateway waits
  --public-key KEY            the gateway's RSA key, base64 (not needed where GP_LAUNCHER_V2 is set)
  --port-range LOW..HIGH      ports that may be used (default 0..0, any)
  --interrupt-mode MODE       signal (default) or message: the kernel takes interrupt_request, and no SIGINT
  --transport-encryption MODE disabled or auto; required is refused

In the command {connection_file} and {kernel_id} are replaced. The options are also known by Enterprise Gateway's names,
--RemoteProcessProxy.kernel-id and so on.
Environment: KERNEL_ID, RESPONSE_ADDRESS, PUBLIC_KEY and PORT_RANGE where options are missing; GP_LAUNCHER_V2;
GP_MIN_PORT_RANGE_SIZE (1000), GP_LAUNCHER_RETRY_SECONDS (120), GP_LAUNCHER_LINGER_SECONDS (30).
`;
const NAMES = [
    'kernel-id',
    'response-address',
    'public-key',
    'port-range',
    'interrupt-mode',
    'transport-encryption',
    'spark-context-initialization-mode',
];
/** Errors: {@link LauncherError} for the first thing that is wrong. */
function parseOptions(argv, env) {
    const { values, command } = split(argv);
    const spark = values.get('spark-context-initialization-mode') ?? 'none';
    if (spark !== 'none' && spark !== '') {
        throw new LauncherError(`--spark-context-initialization-mode is '${spark}': this launcher has no Spark, use none`);
    }
    readTransportEncryption(values.get('transport-encryption'));
    const given = (name, variable) => {
        return [values.get(name), env[variable]].find((text) => text !== undefined && text !== '');
    };
    const address = given('response-address', 'RESPONSE_ADDRESS');
    return {
        kernelId: parseKernelId(given('kernel-id', 'KERNEL_ID')),
        responseAddress: address === undefined ? undefined : parseResponseAddress(address),
        publicKey: given('public-key', 'PUBLIC_KEY'),
        portRange: parsePortRange(given('port-range', 'PORT_RANGE') ?? '', env),
        interruptMode: parseInterruptMode(values.get('interrupt-mode')),
        command: parseCommand(command),
    };
}
/** The command begins after `--`, or with the first word that is no option. */
function split(argv) {
    const given = new Map();
    const aliases = new Map();
    let at = 0;
    for (; at < argv.length; at += 1) {
        const word = argv[at] ?? '';
        if (word === '--')
            return { values: new Map([...aliases, ...given]), command: argv.slice(at + 1) };
        const [, prefix, text, inline] = /^--(RemoteProcessProxy\.)?([^=]+)(?:=([^]*))?$/.exec(word) ?? [];
        if (text === undefined)
            break;
        const name = NAMES.find((known) => known === text);
        if (name === undefined)
            throw new LauncherError(`unknown option --${text}; --help lists the options`);
        const value = inline ?? argv[(at += 1)];
        if (value === undefined)
            throw new LauncherError(`--${text} needs a value`);
        (prefix === undefined ? given : aliases).set(name, value);
    }
    return { values: new Map([...aliases, ...given]), command: argv.slice(at) };
}
function parseKernelId(text) {
    if (text === undefined)
        throw new LauncherError('--kernel-id is missing: the id that the gateway gave the kernel');
    if (/^[A-Za-z0-9._-]{1,128}$/.test(text))
        return text;
    throw new LauncherError('--kernel-id must be 1 to 128 letters, digits, dots, underscores or hyphens');
}
function parseResponseAddress(text) {
    const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(text) ?? [];
    const host = bracketed ?? plain;
    const port = Number(digits);
    if (host !== undefined && port >= 1 && port <= 65_535)
        return { host, port };
    throw new LauncherError(`--response-address '${text}' is not host:port, as 10.0.0.1:8877 or [fd00::7]:8877`);
}
function parseInterruptMode(text = 'signal') {
    if (text === 'signal' || text === 'message')
        return text;
    throw new LauncherError(`--interrupt-mode is '${text}'; it must be signal or message`);
}
function parseCommand(words) {
    const [program, ...rest] = words;
    if (program === undefined || program === '') {
        throw new LauncherError('there is no command; give it after --, as in -- python -m ipykernel_launcher -f {connection_file}');
    }
    if (!words.some((word) => word.includes('{connection_file}'))) {
        throw new LauncherError('no word of the command holds {connection_file}, so the kernel would not get its ports');
    }
    return [program, ...rest];
}

// answer-v1.ts
const AES_KEY_BYTES = 16;
const MIN_RSA_BITS = 1024;
/** Errors: {@link LauncherError} when the text is no RSA public key of 1024 bits or more. */
function parsePublicKey(text) {
    let key;
    try {
        key = createPublicKey({ key: Buffer.from(text.replace(/\s/g, ''), 'base64'), format: 'der', type: 'spki' });
    }
    catch {
        throw new LauncherError('--public-key is not a public key (DER SubjectPublicKeyInfo in base64)');
    }
    if (key.asymmetricKeyType !== 'rsa')
        throw new LauncherError('--public-key is not an RSA key');
    if ((key.asymmetricKeyDetails?.modulusLength ?? 0) >= MIN_RSA_BITS)
        return key;
    throw new LauncherError(`--public-key has fewer than ${String(MIN_RSA_BITS)} bits`);
}
/** AES-128-ECB with PKCS #7 padding. */
function encryptInfo(json, aesKey) {
    const cipher = createCipheriv('aes-128-ecb', aesKey, null);
    return Buffer.concat([cipher.update(json, 'utf8'), cipher.final()]).toString('base64');
}
/** RSAES-PKCS1-v1_5. */
function encryptAesKey(aesKey, publicKey) {
    return publicEncrypt({ key: publicKey, padding: constants.RSA_PKCS1_PADDING }, aesKey).toString('base64');
}
/** The answer of version 1, as it is sent. */
function encodeVersion1(info, publicKey) {
    const aesKey = randomBytes(AES_KEY_BYTES);
    const envelope = {
        version: 1,
        key: encryptAesKey(aesKey, publicKey),
        conn_info: encryptInfo(JSON.stringify(info), aesKey),
    };
    return Buffer.from(JSON.stringify(envelope)).toString('base64');
}

// box.ts
/** Bytes of keys, tokens and challenges. */
const KEY_BYTES = 32;
/** Bytes of a nonce. */
const NONCE_BYTES = 24;
function createBoxKeys() {
    return nacl.box.keyPair.fromSecretKey(Uint8Array.from(randomBytes(KEY_BYTES)));
}
/** crypto_box_beforenm; undefined for a public key that is none, with which anybody would know the result. */
function sharedKey(theirPublicKey, ourSecretKey) {
    if (theirPublicKey.length !== KEY_BYTES)
        return undefined;
    const [theirs, ours] = [Uint8Array.from(theirPublicKey), Uint8Array.from(ourSecretKey)];
    if (nacl.scalarMult(ours, theirs).every((byte) => byte === 0))
        return undefined;
    return nacl.box.before(theirs, ours);
}
/** crypto_secretbox_easy. */
function seal(plaintext, nonce, key) {
    return nacl.secretbox(Uint8Array.from(plaintext), Uint8Array.from(nonce), Uint8Array.from(key));
}
/** The plaintext; undefined when key, nonce or box do not belong together. */
function unseal(box, nonce, key) {
    if (nonce.length !== NONCE_BYTES || key.length !== KEY_BYTES)
        return undefined;
    const opened = nacl.secretbox.open(Uint8Array.from(box), Uint8Array.from(nonce), Uint8Array.from(key));
    return opened === null ? undefined : Buffer.from(opened);
}
/** Standard base64 with padding; undefined for anything else. */
function fromBase64(text) {
    if (typeof text !== 'string' || text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text))
        return undefined;
    return Buffer.from(text, 'base64');
}
function toBase64(bytes) {
    return Buffer.from(bytes).toString('base64');
}

// sealed-line.ts
/** The longest line of the protocol, its end included. */
const MAX_LINE_BYTES = 65_536;
/** Nonce and box of a JSON text as members of a message. */
function sealedFields(content, key) {
    const nonce = randomBytes(NONCE_BYTES);
    const box = seal(Buffer.from(JSON.stringify(content)), nonce, key);
    return { nonce: toBase64(nonce), box: toBase64(box) };
}
function sealedLine(content, key) {
    return `${JSON.stringify({ version: 2, ...sealedFields(content, key) })}\n`;
}
/** The content of a sealed line; undefined when it is none, or not sealed with the key. */
function openSealedLine(line, key) {
    const outer = parseObject(line);
    if (outer?.['version'] !== 2)
        return undefined;
    const [nonce, box] = [fromBase64(outer['nonce']), fromBase64(outer['box'])];
    if (nonce === undefined || box === undefined)
        return undefined;
    const plaintext = unseal(box, nonce, key);
    return plaintext === undefined ? undefined : parseObject(plaintext);
}
/** A JSON object from UTF-8; undefined for anything else. */
function parseObject(input) {
    try {
        const text = typeof input === 'string' ? input : new TextDecoder('utf-8', { fatal: true }).decode(input);
        const value = JSON.parse(text);
        return isFields(value) ? value : undefined;
    }
    catch {
        return undefined;
    }
}
function isFields(value) {
    return typeof value === 'object' && value !== null && !Array.isArray(value);
}

// answer-v2.ts
const CAPABILITIES = ['ping', 'signal', 'shutdown', 'status', 'renew'];
/** Errors: {@link LauncherError} when the listener's key is none. */
function encodeVersion2(info, given, commKey) {
    const keys = createBoxKeys();
    const key = sharedKey(given.publicKey, keys.secretKey);
    if (key === undefined)
        throw new LauncherError('the public_key of GP_LAUNCHER_V2 is not a key');
    const content = {
        ...info,
        token: given.token,
        comm_key: toBase64(commKey),
        launcher: 'launch_kernel.mjs',
        capabilities: CAPABILITIES,
    };
    const kernelId = info.kernel_id;
    const envelope = { version: 2, kernel_id: kernelId, public_key: toBase64(keys.publicKey) };
    return {
        line: `${JSON.stringify({ ...envelope, ...sealedFields(content, key) })}\n`,
        read: (reply) => readReply(reply, kernelId, key),
    };
}
function readReply(line, kernelId, key) {
    const fields = openSealedLine(line, key);
    if (fields === undefined) {
        const plain = parseObject(line);
        if (plain?.['version'] !== 2 || plain['ok'] !== false)
            return { outcome: 'unreadable' };
        return { outcome: 'refused', message: 'the gateway does not expect this kernel, or no longer' };
    }
    if (fields['to'] !== 'launcher' || fields['kernel_id'] !== kernelId)
        return { outcome: 'unreadable' };
    if (fields['ok'] === true)
        return { outcome: 'taken' };
    if (fields['error'] === 'already_answered')
        return { outcome: 'answered-before' };
    return { outcome: 'refused', message: `${asText(fields['error'])}: ${asText(fields['message'])}` };
}
function asText(value) {
    return typeof value === 'string' ? value : '';
}

// log-tail.ts
/** The longest tail that fits a line of the protocol. */
const MAX_LOG_BYTES = 8000;
/** Keeps the last bytes of what a kernel wrote. */
class LogTail {
    #kept = Buffer.alloc(0);
    add(chunk) {
        const all = Buffer.concat([this.#kept, chunk]);
        this.#kept = all.length > MAX_LOG_BYTES ? Buffer.from(all.subarray(all.length - MAX_LOG_BYTES)) : all;
    }
    /** At most so many bytes of UTF-8, beginning with a whole character. */
    read(maxBytes) {
        let start = Math.max(0, this.#kept.length - Math.min(maxBytes, MAX_LOG_BYTES));
        while (start < this.#kept.length && ((this.#kept[start] ?? 0) & 0xc0) === 0x80)
            start += 1;
        const text = this.#kept.toString('utf8', start);
        // Bytes that are no UTF-8 grow when they are replaced.
        return Buffer.byteLength(text) <= maxBytes ? text : text.slice(-Math.floor(maxBytes / 3) || text.length);
    }
}

// comm-requests.ts
/** The content of a request; undefined when it is not authentic, or belongs elsewhere. */
function openRequest(line, binding, key) {
    const fields = openSealedLine(line, key);
    const belongs = fields?.['to'] === 'launcher' &&
        fields['kernel_id'] === binding.kernelId &&
        fields['challenge'] === binding.challenge &&
        fields['seq'] === binding.seq;
    return belongs ? fields : undefined;
}
function replyTo(binding, reply) {
    const { kernelId, challenge, seq } = binding;
    return { to: 'gateway', kernel_id: kernelId, challenge, seq, ...reply };
}
/** Does what an authentic request asks for. `shutdown` is only acknowledged: its reply has to be written first. */
function handleRequest(fields, target) {
    const { request } = fields;
    const exit = target.exit();
    const state = { ok: true, alive: exit === undefined, pid: target.pid, ...(exit === undefined ? {} : { exit }) };
    switch (request) {
        case 'ping':
            return { ok: true, alive: state.alive, pid: state.pid };
        case 'status': {
            const maxBytes = fields['max_log_bytes'] ?? MAX_LOG_BYTES;
            if (!isWhole(maxBytes))
                return failure('bad_request', 'max_log_bytes must be a whole number');
            return { ...state, log_tail: target.logTail(Math.min(maxBytes, MAX_LOG_BYTES)) };
        }
        case 'signal':
            return handleSignal(fields['signum'], target);
        case 'renew':
            return { ok: true, lease_seconds: target.renewLease() ?? 0 };
        case 'shutdown':
            return { ok: true };
        default:
            return failure('unsupported', `the requests are ${CAPABILITIES.join(', ')}`);
    }
}
function handleSignal(signum, target) {
    if (!isWhole(signum) || signum > 64)
        return failure('bad_request', 'signum must be a whole number from 0 to 64');
    if (target.exit() !== undefined)
        return failure('no_kernel', 'the kernel has ended');
    if (signum === 2 && target.interruptMode === 'message') {
        return failure('unsupported', 'this kernel is interrupted by an interrupt_request on its control channel');
    }
    try {
        return target.signal(signum) ? { ok: true } : failure('no_kernel', 'the kernel has ended');
    }
    catch (error) {
        return failure('failed', error instanceof Error ? error.message : String(error));
    }
}
function failure(error, message) {
    return { ok: false, error, message };
}
function isWhole(value) {
    return typeof value === 'number' && Number.isInteger(value) && value >= 0;
}

// comm-server.ts
const LINE_TIMEOUT_MS = 10_000;
const MAX_CONNECTIONS = 64;
/** The launcher's listener. No peer can end it, or make another one wait. */
class CommServer {
    #options;
    /** Oldest first. */
    #sockets = new Set();
    constructor(options) {
        this.#options = options;
        options.server.on('connection', (socket) => {
            this.#take(socket);
        });
        // Running out of descriptors must not end us.
        options.server.on('error', () => undefined);
    }
    close() {
        this.#options.server.close();
        for (const socket of this.#sockets)
            socket.destroy();
    }
    #take(socket) {
        const [oldest] = this.#sockets;
        if (this.#sockets.size >= MAX_CONNECTIONS)
            oldest?.destroy();
        this.#sockets.add(socket);
        socket.on('error', () => undefined);
        socket.once('close', () => this.#sockets.delete(socket));
        if (this.#options.commKey === undefined)
            this.#serveVersion1(socket);
        else
            this.#serveVersion2(socket, this.#options.commKey);
    }
    /** One JSON object up to the end of the stream; nothing is answered. */
    #serveVersion1(socket) {
        let received = Buffer.alloc(0);
        const timer = setTimeout(() => socket.destroy(), LINE_TIMEOUT_MS);
        socket.once('close', () => {
            clearTimeout(timer);
        });
        socket.on('data', (chunk) => {
            received = Buffer.concat([received, chunk]);
            if (received.length > MAX_LINE_BYTES)
                socket.destroy();
        });
        socket.once('end', () => {
            socket.end();
            const fields = parseObject(received);
            const signum = signalNumber(fields?.['signum']);
            const { target } = this.#options;
            const isInterruptByMessage = signum === 2 && target.interruptMode === 'message';
            if (Number.isInteger(signum) && signum > 0 && signum <= 64 && !isInterruptByMessage)
                target.signal(signum);
            // Version 1 ends the listener alone.
            if (Boolean(fields?.['shutdown']))
                this.close();
        });
    }
    #serveVersion2(socket, key) {
        const challenge = toBase64(randomBytes(KEY_BYTES));
        let seq = 1;
        let received = Buffer.alloc(0);
        let timer = setTimeout(() => socket.destroy(), LINE_TIMEOUT_MS);
        socket.once('close', () => {
            clearTimeout(timer);
        });
        socket.write(`${JSON.stringify({ version: 2, challenge })}\n`);
        socket.on('data', (chunk) => {
            received = Buffer.concat([received, chunk]);
            for (let end = received.indexOf(0x0a); end >= 0 && socket.writable; end = received.indexOf(0x0a)) {
                const line = received.toString('utf8', 0, end);
                received = Buffer.from(received.subarray(end + 1));
                clearTimeout(timer);
                timer = setTimeout(() => socket.destroy(), LINE_TIMEOUT_MS);
                const isServed = end < MAX_LINE_BYTES && this.#serveLine(socket, line, { key, challenge, seq });
                if (!isServed)
                    socket.destroy();
                seq += 1;
            }
            if (received.length >= MAX_LINE_BYTES)
                socket.destroy();
        });
        socket.once('end', () => socket.end());
    }
    /** False when the line is not authentic. */
    #serveLine(socket, line, { key, challenge, seq }) {
        const binding = { kernelId: this.#options.kernelId, challenge, seq };
        const fields = openRequest(line, binding, key);
        if (fields === undefined)
            return false;
        const reply = sealedLine(replyTo(binding, handleRequest(fields, this.#options.target)), key);
        if (fields['request'] === 'shutdown')
            socket.end(reply, this.#options.onShutdown);
        else
            socket.write(reply);
        return true;
    }
}
/** A number, or the text of one, as other launchers take it; `true` or `[9]` would become a number as well. 0: none. */
function signalNumber(value) {
    if (typeof value === 'number')
        return value;
    return typeof value === 'string' && /^\d{1,2}$/.test(value.trim()) ? Number(value) : 0;
}

// connection-info.ts
function createConnectionInfo(ports) {
    const [shell = 0, iopub = 0, stdin = 0, control = 0, heartbeat = 0] = ports;
    return {
        shell_port: shell,
        iopub_port: iopub,
        stdin_port: stdin,
        control_port: control,
        hb_port: heartbeat,
        ip: '0.0.0.0',
        key: randomUUID(),
        transport: 'tcp',
        signature_scheme: 'hmac-sha256',
        kernel_name: '',
    };
}
/** Errors: {@link LauncherError} when the temporary folder cannot be written. */
async function writeConnectionFile(kernelId, info) {
    try {
        const folder = await mkdtemp(join(tmpdir(), 'gp-kernel-'));
        const path = join(folder, `kernel-${kernelId}.json`);
        await writeFile(path, Buffer.from(`${JSON.stringify(info, null, 2)}\n`), { mode: 0o600, flag: 'wx' });
        return { folder, path };
    }
    catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        throw new LauncherError(`the connection file cannot be written: ${reason}`);
    }
}

// deliver-answer.ts
const CONNECT_TIMEOUT_MS = 10_000;
/** Where the answer may also be posted, a firewall that swallows packets must not cost the launch ten seconds. */
const CONNECT_TIMEOUT_BEFORE_HTTP_MS = 3_000;
const REPLY_TIMEOUT_MS = 30_000;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5000;
/** Sends version 1's answer, which nobody acknowledges. Errors: {@link LauncherError} when nobody can be reached. */
async function deliverVersion1(payload, options) {
    await attempt(options, async () => {
        await exchange(payload, { ...options, expected: 'nothing', connectTimeoutMs: CONNECT_TIMEOUT_MS });
        return true;
    });
}
/** Sends version 2's answer until it is taken. Errors: {@link LauncherError} when it is refused, or nobody is there. */
async function deliverVersion2(answer, http, options) {
    const connectTimeoutMs = http === undefined ? CONNECT_TIMEOUT_MS : CONNECT_TIMEOUT_BEFORE_HTTP_MS;
    // The gateway may have it although no reply came.
    let mayHaveArrived = false;
    const isTaken = (reply) => {
        const read = answer.read(reply);
        if (read.outcome === 'taken' || (read.outcome === 'answered-before' && mayHaveArrived))
            return true;
        if (read.outcome === 'answered-before')
            throw new LauncherError('the gateway has another answer for this kernel');
        if (read.outcome === 'refused')
            throw new LauncherError(`the gateway refused the answer: ${read.message}`);
        return false;
    };
    const ways = [
        ...(options.address === undefined
            ? []
            : [async () => await exchange(answer.line, { ...options, expected: 'line', connectTimeoutMs })]),
        ...(http === undefined ? [] : [async () => await post(http, answer.line, options.signal)]),
    ];
    await attempt(options, async () => {
        let failure = new LauncherError('--response-address is missing');
        for (const way of ways) {
            try {
                if (isTaken(await way()))
                    return true;
                mayHaveArrived = true;
                failure = new Error('what answered there is no response listener');
            }
            catch (error) {
                if (error instanceof LauncherError)
                    throw error;
                mayHaveArrived ||= !isNeverSent(error);
                failure = error instanceof Error ? error : new Error(String(error));
            }
        }
        throw failure;
    });
}
const NEVER_SENT = /^(ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN|UND_ERR_CONNECT_TIMEOUT|CONNECT_TIMEOUT)$/;
/** True for the failure of a connection that was never made. `fetch` tells why in the cause. */
function isNeverSent(error) {
    if (typeof error !== 'object' || error === null)
        return false;
    if ('code' in error && typeof error.code === 'string' && NEVER_SENT.test(error.code))
        return true;
    return 'cause' in error && isNeverSent(error.cause);
}
/** Calls until it succeeds, with longer and longer pauses. A {@link LauncherError} ends it. */
async function attempt({ address, timeoutMs, signal }, once) {
    const end = performance.now() + timeoutMs;
    for (let pauseMs = FIRST_PAUSE_MS;; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
        try {
            await once();
            return;
        }
        catch (error) {
            if (error instanceof LauncherError || signal.aborted)
                throw error;
            if (performance.now() + pauseMs > end)
                throw unreachable(address, timeoutMs, error);
        }
        await sleep(pauseMs, undefined, { signal });
    }
}
function unreachable(address, timeoutMs, cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const { host = 'over HTTP', port } = address ?? {};
    const where = port === undefined ? host : `${host.includes(':') ? `[${host}]` : host}:${String(port)}`;
    return new LauncherError(`the response address ${where} was not reached within ${String(Math.round(timeoutMs / 1000))} s: ${reason}`);
}
/** Writes a text; resolves with the line that comes back, or, when nothing is expected, when the text is on its way. */
async function exchange(text, { address, signal, expected, connectTimeoutMs }) {
    if (address === undefined)
        throw new LauncherError('--response-address is missing');
    return await new Promise((resolve, reject) => {
        const socket = connect({ host: address.host, port: address.port, signal });
        let timer = setTimeout(() => {
            const message = `no connection within ${String(connectTimeoutMs / 1000)} s`;
            socket.destroy(Object.assign(new Error(message), { code: 'CONNECT_TIMEOUT' }));
        }, connectTimeoutMs);
        let received = Buffer.alloc(0);
        socket.on('data', (chunk) => {
            received = Buffer.concat([received, chunk]);
            const end = received.indexOf(0x0a);
            if (end >= 0) {
                resolve(received.toString('utf8', 0, end));
                socket.destroy();
            }
            else if (received.length > MAX_LINE_BYTES)
                socket.destroy(new Error('the answer is too long'));
        });
        socket.on('error', reject);
        socket.on('close', () => {
            clearTimeout(timer);
            if (expected === 'nothing')
                resolve('');
            else
                reject(new Error('the connection was closed without an answer'));
        });
        socket.on('connect', () => {
            clearTimeout(timer);
            timer = setTimeout(() => {
                socket.destroy(new Error(`no answer within ${String(REPLY_TIMEOUT_MS / 1000)} s`));
            }, REPLY_TIMEOUT_MS);
            if (expected === 'nothing')
                socket.end(text);
            else
                socket.write(text);
        });
    });
}
async function post(http, line, signal) {
    const deadline = new AbortController();
    const abort = () => {
        deadline.abort();
    };
    const timer = setTimeout(abort, REPLY_TIMEOUT_MS);
    signal.addEventListener('abort', abort, { once: true });
    try {
        const headers = { Authorization: `token ${http.token}`, 'Content-Type': 'application/json' };
        const response = await fetch(http.url, { method: 'POST', headers, body: line, signal: deadline.signal });
        const text = await response.text();
        // A refusal without words is the gateway's; a proxy's has a page, which is no reply, and may pass.
        if (response.status === 403 && text === '') {
            throw new LauncherError('the gateway refused the answer: it does not wait for this launch (any more)');
        }
        return text.trimEnd();
    }
    finally {
        clearTimeout(timer);
        signal.removeEventListener('abort', abort);
    }
}

// guard.ts
// Ends what we leave when we are killed: it waits for the end of its input, which comes with our death. It is told the
// process group on that input, so that no kernel runs unguarded, and is in a session of its own, so that whoever kills
// our group does not kill it too.
const SCRIPT = `
trap '' HUP INT TERM
read -r group || exit 0
while read -r _; do :; done
kill -s TERM -- "-$group" 2>/dev/null
tries=0
while [ "$tries" -lt 50 ] && kill -s 0 -- "-$group" 2>/dev/null; do
  sleep 0.1 2>/dev/null || sleep 1
  tries=$((tries + 1))
done
kill -s KILL -- "-$group" 2>/dev/null
rm -rf -- "$1"
`;
/** A process that outlives the launcher only to clean up after it. */
class Guard {
    #child;
    /** `folder` is removed when the launcher is killed. */
    constructor(folder, env) {
        this.#child = spawn('/bin/sh', ['-c', SCRIPT, 'gp-guard', folder], {
            stdio: ['pipe', 'ignore', 'ignore'],
            detached: true,
            cwd: '/',
            env,
        });
        // Without a shell there is no guard, and all else works.
        this.#child.on('error', () => undefined);
        this.#child.stdin?.on('error', () => undefined);
        this.#child.unref();
    }
    watch(group) {
        this.#child.stdin?.write(`${String(group)}\n`);
    }
    /** For a launcher that has cleaned up itself. */
    dismiss() {
        this.#child.kill('SIGKILL');
    }
}

// oom-kills.ts
/** How often the kernel of the operating system has killed in our control group for want of memory; 0 where unknown. */
async function oomKills() {
    const groups = await readIfThere('/proc/self/cgroup');
    const unified = /^0::(.*)$/m.exec(groups)?.[1];
    const files = [
        ...(unified === undefined ? [] : [join('/sys/fs/cgroup', unified, 'memory.events')]),
        // Inside a container the group's own root is mounted there.
        '/sys/fs/cgroup/memory.events',
        '/sys/fs/cgroup/memory/memory.oom_control',
    ];
    for (const file of files) {
        const count = /^oom_kill (\d+)$/m.exec(await readIfThere(file))?.[1];
        if (count !== undefined)
            return Number(count);
    }
    return 0;
}
async function readIfThere(path) {
    return await readFile(path, 'utf8').catch(() => '');
}

// kernel-process.ts
const TERMINATE_MS = 5000;
const LAST_OUTPUT_MS = 1000;
/** A kernel's process, the leader of a session and group of its own. */
class KernelProcess {
    pid;
    log = new LogTail();
    ended;
    /** Known once the last of the output is: whoever asks then gets all of it. */
    #exit;
    #isGone = false;
    #orderedEnd;
    constructor(child, pid, options) {
        this.pid = pid;
        const follow = (stream, relay) => {
            stream?.on('data', (chunk) => {
                this.log.add(chunk);
                relay.push(chunk);
            });
        };
        follow(child.stdout, options.stdout);
        follow(child.stderr, options.stderr);
        this.ended = this.#follow(child, options.oomBefore);
    }
    /** Errors: {@link LauncherError} when the program cannot be run. */
    static async start(options) {
        const oomBefore = await oomKills();
        const [program, ...args] = options.command;
        const child = spawn(program, args, { env: options.env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
        if (child.pid !== undefined)
            return new KernelProcess(child, child.pid, { ...options, oomBefore });
        const [error] = (await once(child, 'error'));
        throw new LauncherError(`the kernel's program ${program} cannot be run: ${error.message}`);
    }
    get exit() {
        return this.#exit;
    }
    /** An interrupt goes to the whole group, as from a terminal; other signals to the kernel alone. False: it has ended. */
    signal(signum) {
        if (this.#isGone)
            return false;
        return send(signum === 2 ? -this.pid : this.pid, signum);
    }
    /** SIGTERM, 5 seconds later SIGKILL. `reason` becomes the detail of the exit. */
    async terminate(reason) {
        if (this.#isGone)
            return await this.ended;
        this.#orderedEnd ??= reason;
        send(-this.pid, 15);
        const timer = setTimeout(() => send(-this.pid, 9), TERMINATE_MS);
        try {
            return await this.ended;
        }
        finally {
            clearTimeout(timer);
        }
    }
    async #follow(child, oomBefore) {
        const closed = once(child, 'close');
        const [code, signal] = (await once(child, 'exit'));
        this.#isGone = true;
        const oom = signal === 'SIGKILL' && (await oomKills()) > oomBefore;
        // What the kernel started goes with it; a process that left the group may keep the pipes open.
        send(-this.pid, 9);
        const timer = setTimeout(() => child.emit('close'), LAST_OUTPUT_MS);
        await closed;
        clearTimeout(timer);
        this.#exit = describeExit({ code, signal, oom, orderedEnd: this.#orderedEnd });
        return this.#exit;
    }
}
function describeExit(end) {
    const how = end.signal === null ? { exit_code: end.code ?? 0 } : { signal: end.signal };
    if (end.orderedEnd !== undefined)
        return { reason: 'killed', ...how, detail: end.orderedEnd };
    if (end.oom)
        return { reason: 'oom', ...how };
    return { reason: end.signal === null ? 'exited' : 'signalled', ...how };
}
/** A negative id is a group's. False when there is nobody. */
function send(id, signum) {
    try {
        process.kill(id, signum);
        return true;
    }
    catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'ESRCH')
            return false;
        throw error;
    }
}

// launcher-v2.ts
/**
 * Reads version 2's parameters: the value itself, or a file of it, which is deleted when it can be.
 * Errors: {@link LauncherError}, which never quotes the value.
 */
async function readLauncherV2(given, kernelId) {
    if (given === undefined || given.trim() === '')
        return undefined;
    const value = given.startsWith('/') ? await takeFile(given) : given;
    return parseLauncherV2(value, kernelId);
}
async function takeFile(path) {
    let text;
    try {
        text = await readFile(path, 'utf8');
    }
    catch (error) {
        throw new LauncherError(`the file of GP_LAUNCHER_V2 cannot be read: ${describe(error)}`);
    }
    // A mounted Secret cannot be deleted, and need not be.
    await rm(path, { force: true }).catch(() => undefined);
    return text;
}
function parseLauncherV2(value, kernelId) {
    const bytes = fromBase64(value.trim());
    const fields = bytes === undefined ? undefined : parseObject(bytes);
    if (fields === undefined)
        throw new LauncherError('GP_LAUNCHER_V2 is not base64 of a JSON object');
    if (fields['version'] !== 2)
        throw new LauncherError('GP_LAUNCHER_V2 is of another version than 2');
    if (fields['kernel_id'] !== kernelId)
        throw new LauncherError('GP_LAUNCHER_V2 belongs to another kernel id');
    const publicKey = fromBase64(fields['public_key']);
    const token = fields['token'];
    const leaseSeconds = fields['lease_seconds'] ?? 0;
    if (publicKey?.length !== KEY_BYTES)
        throw new LauncherError('GP_LAUNCHER_V2 has no public_key of 32 bytes');
    if (typeof token !== 'string' || fromBase64(token)?.length !== KEY_BYTES) {
        throw new LauncherError('GP_LAUNCHER_V2 has no token of 32 bytes');
    }
    if (typeof leaseSeconds !== 'number' || !(leaseSeconds >= 0)) {
        throw new LauncherError('lease_seconds of GP_LAUNCHER_V2 is not a number');
    }
    return { publicKey, token, leaseSeconds, http: parseHttp(fields['http']) };
}
function parseHttp(value) {
    if (value === undefined || value === null)
        return undefined;
    const fields = parseObject(Buffer.from(JSON.stringify(value)));
    const [url, token] = [fields?.['url'], fields?.['token']];
    if (typeof url === 'string' && typeof token === 'string')
        return { url, token };
    throw new LauncherError('http of GP_LAUNCHER_V2 has no url and token');
}
function describe(error) {
    return error instanceof Error ? error.message : String(error);
}

// lease.ts
const LONGEST_LOOK_MS = 5000;
/** Calls back when it has not been renewed for its time. */
class Lease {
    #seconds;
    #now;
    #timer;
    #end;
    constructor(options) {
        this.#seconds = options.seconds;
        this.#now = options.now ?? secondsSinceBoot;
        this.#end = this.#now() + this.#seconds;
        const everyMs = Math.min(LONGEST_LOOK_MS, Math.max(10, (this.#seconds * 1000) / 20));
        this.#timer = setInterval(() => {
            if (this.#now() < this.#end)
                return;
            this.stop();
            options.onLost();
        }, everyMs);
        this.#timer.unref();
    }
    renew() {
        this.#end = this.#now() + this.#seconds;
    }
    stop() {
        clearInterval(this.#timer);
    }
}
/** Never set back, and counts the time that the machine was suspended where the system tells (Linux). */
function secondsSinceBoot() {
    try {
        const [uptime] = readFileSync('/proc/uptime', 'utf8').split(' ');
        const seconds = Number(uptime);
        if (seconds > 0)
            return seconds;
    }
    catch {
        // No such file: not Linux.
    }
    return performance.now() / 1000;
}

// output-relay.ts
// A reader that stops reading (a container's log driver, a hung SSH session) must neither stop the kernel nor fill memory.
const MAX_QUEUED_BYTES = 4 * 1024 * 1024;
const RETRY_MS = 20;
/**
 * Passes a kernel's output on to a file descriptor of ours. Not through `process.stdout`, which blocks the whole program
 * when it is a pipe that nobody reads.
 */
class OutputRelay {
    #fd;
    #queue = [];
    #queuedBytes = 0;
    #dropped = 0;
    #busy = false;
    #broken = false;
    #idle = [];
    constructor(fd) {
        this.#fd = fd;
    }
    push(chunk) {
        if (this.#broken)
            return;
        if (this.#queuedBytes + chunk.length > MAX_QUEUED_BYTES) {
            this.#dropped += chunk.length;
            return;
        }
        if (this.#dropped > 0)
            this.#enqueue(Buffer.from(`\n[${String(this.#dropped)} bytes of output were not passed on]\n`));
        this.#dropped = 0;
        this.#enqueue(chunk);
    }
    /** Resolves when all is written, or at the deadline. */
    async flush(timeoutMs) {
        if (!this.#busy)
            return;
        await new Promise((resolve) => {
            const timer = setTimeout(resolve, timeoutMs);
            this.#idle.push(() => {
                clearTimeout(timer);
                resolve();
            });
        });
    }
    #enqueue(chunk) {
        this.#queue.push(chunk);
        this.#queuedBytes += chunk.length;
        if (!this.#busy)
            this.#writeNext();
    }
    #writeNext() {
        const chunk = this.#queue[0];
        this.#busy = chunk !== undefined;
        if (chunk === undefined) {
            for (const resolve of this.#idle.splice(0))
                resolve();
            return;
        }
        write(this.#fd, chunk, (error, written) => {
            if (error !== null && error.code === 'EAGAIN') {
                setTimeout(() => {
                    this.#writeNext();
                }, RETRY_MS);
                return;
            }
            if (error !== null) {
                // Nobody will ever read it.
                this.#broken = true;
                this.#queue = [];
            }
            else {
                this.#queuedBytes -= written;
                if (written < chunk.length)
                    this.#queue[0] = chunk.subarray(written);
                else
                    this.#queue.shift();
            }
            this.#writeNext();
        });
    }
}

// reserve-ports.ts
// Below what systems give to outgoing connections and to whoever binds port 0: nobody takes such a port by chance
// between our look and the kernel's bind.
const UNCLAIMED = { low: 10_000, high: 32_767 };
const TRIES_PER_PORT = 50;
const TRIES_UNCLAIMED = 40;
/** Different free ports, bound at once on all addresses. Errors: {@link LauncherError} when there are not enough. */
async function reservePorts(count, range) {
    const held = [];
    const release = async () => {
        await Promise.all(held.splice(0).map(({ server }) => closeServer(server)));
    };
    try {
        while (held.length < count + 1)
            held.push(await reserveOne(range));
    }
    catch (error) {
        await release();
        throw error;
    }
    const comm = held.pop();
    if (comm === undefined)
        throw new LauncherError('no port was reserved');
    return { kernelPorts: held.map(({ port }) => port), commPort: comm.port, commServer: comm.server, release };
}
async function reserveOne(range) {
    for (let tries = 0; tries < TRIES_PER_PORT; tries += 1) {
        const { low, high } = range ?? UNCLAIMED;
        const wanted = tries < TRIES_UNCLAIMED || range !== undefined ? randomInt(low, high + 1) : 0;
        const server = await listen(wanted);
        const address = server?.address();
        if (server !== undefined && typeof address === 'object' && address !== null)
            return { server, port: address.port };
    }
    const where = range === undefined ? 'on this machine' : `in the port range ${String(range.low)}..${String(range.high)}`;
    throw new LauncherError(`no free port was found ${where} after ${String(TRIES_PER_PORT)} tries`);
}
/** Undefined when the port is taken. */
async function listen(port) {
    const server = createServer({ allowHalfOpen: true });
    return await new Promise((resolve, reject) => {
        server.once('error', (error) => {
            if (error.code === 'EADDRINUSE' || error.code === 'EACCES')
                resolve(undefined);
            else
                reject(new LauncherError(`no port can be bound: ${error.message}`));
        });
        server.listen({ host: '0.0.0.0', port, exclusive: true }, () => {
            resolve(server);
        });
    });
}
async function closeServer(server) {
    await new Promise((resolve) => {
        server.close(() => {
            resolve();
        });
    });
}

// run-launcher.ts
const FLUSH_MS = 2000;
const RETRY_SECONDS = 120;
const LINGER_SECONDS = 30;
/** Starts the kernel, answers, serves. Resolves with the exit code. Errors: {@link LauncherError}. */
async function runLauncher(context) {
    const options = parseOptions(context.argv, context.env);
    const timeoutMs = seconds(context.env, 'GP_LAUNCHER_RETRY_SECONDS', RETRY_SECONDS) * 1000;
    const lingerMs = seconds(context.env, 'GP_LAUNCHER_LINGER_SECONDS', LINGER_SECONDS) * 1000;
    const v2 = await readLauncherV2(context.env['GP_LAUNCHER_V2'], options.kernelId);
    if (options.responseAddress === undefined && v2?.http === undefined) {
        throw new LauncherError("--response-address is missing: the gateway's host:port for answers");
    }
    if (v2 === undefined && options.publicKey === undefined) {
        throw new LauncherError("--public-key is missing: the gateway's key for answers");
    }
    const publicKey = options.publicKey === undefined ? undefined : parsePublicKey(options.publicKey);
    const ports = await reservePorts(5, options.portRange);
    const info = createConnectionInfo(ports.kernelPorts);
    const file = await writeConnectionFile(options.kernelId, info);
    const env = kernelEnvironment(context.env);
    const guard = new Guard(file.folder, env);
    const outputs = { stdout: new OutputRelay(1), stderr: new OutputRelay(2) };
    let comm;
    try {
        await ports.release();
        const command = fillIn(options, file.path);
        const kernel = await KernelProcess.start({ command, env, ...outputs });
        guard.watch(kernel.pid);
        const commKey = v2 === undefined ? undefined : randomBytes(KEY_BYTES);
        const serving = new Serving({ options, kernel, v2, lingerMs });
        comm = serving.listen(ports.commServer, commKey);
        context.onInterruptible(() => {
            if (options.interruptMode === 'signal')
                kernel.signal(2);
        });
        const whole = {
            ...info,
            pid: kernel.pid,
            pgid: kernel.pid,
            comm_port: ports.commPort,
            kernel_id: options.kernelId,
        };
        const deliver = async (signal) => {
            const delivery = { address: options.responseAddress, timeoutMs, signal };
            if (v2 !== undefined && commKey !== undefined) {
                await deliverVersion2(encodeVersion2(whole, v2, commKey), v2.http, delivery);
            }
            else if (publicKey !== undefined)
                await deliverVersion1(encodeVersion1(whole, publicKey), delivery);
        };
        const exit = await serving.run(deliver, context.stop);
        return exitCode(exit);
    }
    finally {
        ports.commServer.close();
        comm?.close();
        await rm(file.folder, { recursive: true, force: true });
        guard.dismiss();
        await Promise.all([outputs.stdout.flush(FLUSH_MS), outputs.stderr.flush(FLUSH_MS)]);
    }
}
/** From the kernel's start to its end, and as long after it as the gateway may ask how it ended. */
class Serving {
    #options;
    #kernel;
    #v2;
    #lingerMs;
    /** Nobody will ask how the kernel ended. */
    #dismissed = new AbortController();
    #lease;
    constructor(parts) {
        this.#options = parts.options;
        this.#kernel = parts.kernel;
        this.#v2 = parts.v2;
        this.#lingerMs = parts.lingerMs;
    }
    listen(server, commKey) {
        const kernel = this.#kernel;
        return new CommServer({
            server,
            kernelId: this.#options.kernelId,
            commKey,
            onShutdown: () => {
                this.#end('shut down by the gateway');
            },
            target: {
                pid: kernel.pid,
                interruptMode: this.#options.interruptMode,
                exit: () => kernel.exit,
                logTail: (maxBytes) => kernel.log.read(maxBytes),
                signal: (signum) => kernel.signal(signum),
                renewLease: () => {
                    this.#lease?.renew();
                    return this.#v2?.leaseSeconds;
                },
            },
        });
    }
    async run(deliver, stop) {
        const onStop = () => {
            this.#end(String(stop.reason));
        };
        stop.addEventListener('abort', onStop, { once: true });
        if (stop.aborted)
            onStop();
        try {
            let failure;
            const delivered = deliver(this.#dismissed.signal).then(() => {
                this.#startLease();
                return true;
            }, (error) => {
                failure = error;
                return false;
            });
            const isToldFirst = await Promise.race([delivered, this.#kernel.ended.then(() => undefined)]);
            if (isToldFirst === false && !this.#dismissed.signal.aborted)
                throw failure;
            const exit = await this.#kernel.ended;
            // Version 2's gateway may still learn how the kernel ended, even when that was before it heard of it.
            if (this.#v2 === undefined)
                this.#dismissed.abort();
            if (await delivered)
                await this.#linger();
            return exit;
        }
        finally {
            stop.removeEventListener('abort', onStop);
            this.#lease?.stop();
            await this.#kernel.terminate('the launcher ended');
        }
    }
    #startLease() {
        const seconds = this.#v2?.leaseSeconds ?? 0;
        if (seconds === 0)
            return;
        const onLost = () => {
            this.#end(`the lease of ${String(seconds)} s was not renewed`);
        };
        this.#lease = new Lease({ seconds, onLost });
    }
    #end(reason) {
        this.#dismissed.abort();
        void this.#kernel.terminate(reason);
    }
    async #linger() {
        await sleep(this.#lingerMs, undefined, { signal: this.#dismissed.signal }).catch(() => undefined);
    }
}
function fillIn({ command, kernelId }, connectionFile) {
    const fill = (word) => word.replaceAll('{connection_file}', () => connectionFile).replaceAll('{kernel_id}', () => kernelId);
    const [program, ...args] = command;
    return [fill(program), ...args.map(fill)];
}
/** Secrets of the launch end here, and a parent of another machine means nothing to the kernel. */
function kernelEnvironment(env) {
    const own = { ...env };
    delete own['GP_LAUNCHER_V2'];
    delete own['JPY_PARENT_PID'];
    return own;
}
function seconds(env, name, otherwise) {
    const text = env[name] ?? '';
    if (text === '')
        return otherwise;
    if (/^\d{1,6}(\.\d{1,3})?$/.test(text))
        return Number(text);
    throw new LauncherError(`${name} is '${text}'; it must be a number of seconds`);
}
const SIGNUMS = {
    SIGHUP: 1,
    SIGINT: 2,
    SIGQUIT: 3,
    SIGABRT: 6,
    SIGKILL: 9,
    SIGSEGV: 11,
    SIGPIPE: 13,
    SIGTERM: 15,
};
/** The kernel's own, or 128 and the signal's number, as shells have it. */
function exitCode(exit) {
    return exit.exit_code ?? 128 + (SIGNUMS[exit.signal ?? ''] ?? 0);
}

// main.ts
const argv = process.argv.slice(2);
const ownArguments = argv.includes('--') ? argv.slice(0, argv.indexOf('--')) : argv;
if (ownArguments.includes('--help') || ownArguments.includes('-h')) {
    process.stdout.write(USAGE);
    process.exit(0);
}
const stop = new AbortController();
let interrupt = () => {
    stop.abort('the launcher got SIGINT');
};
process.on('SIGTERM', () => {
    stop.abort('the launcher got SIGTERM');
});
process.on('SIGINT', () => {
    interrupt();
});
// The session in which we were started may end before the kernel does: that is not for it to decide.
process.on('SIGHUP', () => {
    if (process.stdin.isTTY)
        stop.abort('the launcher got SIGHUP');
});
const env = { ...process.env };
delete process.env['GP_LAUNCHER_V2'];
try {
    process.exitCode = await runLauncher({
        argv,
        env,
        stop: stop.signal,
        onInterruptible: (interruptKernel) => {
            interrupt = interruptKernel;
        },
    });
}
catch (error) {
    const text = error instanceof LauncherError ? error.message : error instanceof Error ? error.stack : String(error);
    process.stderr.write(`launch_kernel.mjs: ${text ?? 'unknown error'}\n`);
    process.exitCode = 1;
}
process.exit();
